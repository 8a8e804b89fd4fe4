import numpy
from keras.models import Sequential
from keras.layers import Dense
from keras.wrappers.scikit_learn import KerasClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.model_selection import cross_val_score
numpy.random.seed(7)
X = numpy.random.rand(40, 4)
Y = (X[:, 0] > X[:, 1]).astype(int)
def create_model():
    model = Sequential()
    model.add(Dense(6, input_dim=4, kernel_initializer='normal', activation='relu'))
    model.add(Dense(1, kernel_initializer='normal', activation='sigmoid'))
    model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
    return model
model = KerasClassifier(build_fn=create_model, epochs=2, batch_size=10, verbose=0)
kfold = StratifiedKFold(n_splits=2, shuffle=True, random_state=7)
results = cross_val_score(model, X, Y, cv=kfold)
assert results.shape == (2,) and (results >= 0).all()
clf = KerasClassifier(build_fn=create_model, epochs=1, batch_size=5, verbose=0)
clf.fit(X, Y)
assert set(numpy.unique(clf.predict(X))) <= {0, 1}
