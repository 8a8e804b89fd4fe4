"""The parts of signatures that many layers of Keras 2.1 share."""

TERMS = (
    "use_bias=True, kernel_initializer='glorot_uniform', bias_initializer='zeros', kernel_regularizer=None, "
    "bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None"
)
STARTS = "use_bias=True, kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', bias_initializer='zeros', "
HOLDS = "kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, "
PENALTIES = "kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, "
DROPOUT = "dropout=0.0, recurrent_dropout=0.0"
SEQUENCES = "return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False"
WINDOW_1 = {  # what Keras 1 called the settings of windows
    "nb_filter": "filters",
    "subsample": "strides",
    "border_mode": "padding",
    "dim_ordering": "data_format",
}
