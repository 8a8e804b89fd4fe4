# a wave, predicted one step ahead
import numpy
from keras.models import Sequential
from keras.layers import Dense, LSTM
numpy.random.seed(7)
wave = numpy.sin(numpy.arange(60) * 0.3)
def create_dataset(dataset, look_back=1):
    dataX, dataY = [], []
    for i in range(len(dataset) - look_back - 1):
        dataX.append(dataset[i:(i + look_back)])
        dataY.append(dataset[i + look_back])
    return numpy.array(dataX), numpy.array(dataY)
look_back = 4
trainX, trainY = create_dataset(wave, look_back)
trainX = numpy.reshape(trainX, (trainX.shape[0], 1, trainX.shape[1]))
model = Sequential()
model.add(LSTM(4, input_shape=(1, look_back)))
model.add(Dense(1))
model.compile(loss='mean_squared_error', optimizer='adam')
h = model.fit(trainX, trainY, epochs=3, batch_size=5, verbose=2)
assert h.history['loss'][-1] < h.history['loss'][0]
assert model.predict(trainX).shape == (len(trainX), 1)
