"""``keras.legacy`` of Keras 2.1: where names of Keras 1 stood."""
