"""``keras.engine`` of Keras 2.1."""
