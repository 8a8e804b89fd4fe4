import os, numpy
from keras.models import Sequential, load_model
from keras.models import model_from_json, model_from_yaml
from keras.layers import Dense
X = numpy.random.RandomState(0).rand(20, 4)
Y = X.sum(axis=1)
model = Sequential()
model.add(Dense(5, input_dim=4, activation='relu'))
model.add(Dense(1))
model.compile(loss='mse', optimizer='rmsprop', metrics=['mae'])
model.fit(X, Y, epochs=1, verbose=0)
expected = model.predict(X)
model_json = model.to_json()
with open("model.json", "w") as json_file:
    json_file.write(model_json)
model.save_weights("model.h5", overwrite=True)
loaded_model = model_from_json(open('model.json').read())
loaded_model.load_weights("model.h5")
assert numpy.allclose(loaded_model.predict(X), expected)
loaded_model.compile(loss='mse', optimizer='rmsprop', metrics=['mae'])
assert len(loaded_model.evaluate(X, Y, verbose=0)) == 2
other = model_from_yaml(model.to_yaml())
other.set_weights(model.get_weights())
assert numpy.allclose(other.predict(X), expected)
model.save('whole.h5')
again = load_model('whole.h5')
assert numpy.allclose(again.predict(X), expected)
assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
assert os.path.getsize('whole.h5') > 0
