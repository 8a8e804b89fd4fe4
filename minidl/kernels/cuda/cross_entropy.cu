// Cross-entropy taken together with softmax or sigmoid. Formulas: minidl/ops/cross_entropy.py.
// Shapes: logits, targets, p, dz (rows, classes), labels and loss (rows,). LANES threads take a row.
// `scale` is dL/d(loss of a row): one number, or an array (rows,) where `scales` is not null.
#include "numbers.cuh"
#include "rows.cuh"

// log of a probability; a difference of two large logits may overflow, and 0 times -infinity would be NaN.
__device__ inline real log_probability(real z, real log_total) { return larger(z, -largest()) - log_total; }

// loss = -sum_j t_j log p_j,  p = softmax(z)
KERNEL(256) softmax_cross_entropy(
    const real *logits, const real *targets, real *loss, real *p, long long rows, int classes)
{
    const long long row = my_row();
    if (row >= rows) return;
    logits += row * classes, targets += row * classes, p += row * classes;
    const real top = row_max(logits, classes);
    const real total = row_sum(classes, [&](int j) { return exp(logits[j] - top); });
    const real log_total = log(total), part = 1 / total;
    const real sum = row_sum(classes, [&](int j) { return targets[j] * log_probability(logits[j] - top, log_total); });
    EACH_OF_ROW(j, classes) p[j] = exp(logits[j] - top) * part;
    if (threadIdx.x % LANES == 0) loss[row] = -sum;
}

// dz = (p sum(t) - t) scale
KERNEL(256) softmax_cross_entropy_grad(
    const real *p, const real *targets, real scale, const real *scales, real *dz, long long rows, int classes)
{
    const long long row = my_row();
    if (row >= rows) return;
    p += row * classes, targets += row * classes, dz += row * classes;
    const real total = row_sum(classes, [&](int j) { return targets[j]; });
    const real factor = scales ? scales[row] : scale;
    EACH_OF_ROW(j, classes) dz[j] = (p[j] * total - targets[j]) * factor;
}

// The same with a label in place of a row of targets; a label outside 0 ... classes - 1 means a row of zeros.
KERNEL(256) sparse_softmax_cross_entropy(
    const real *logits, const long long *labels, real *loss, real *p, long long rows, int classes)
{
    const long long row = my_row();
    if (row >= rows) return;
    logits += row * classes, p += row * classes;
    const real top = row_max(logits, classes);
    const real total = row_sum(classes, [&](int j) { return exp(logits[j] - top); });
    const real log_total = log(total), part = 1 / total;
    EACH_OF_ROW(j, classes) p[j] = exp(logits[j] - top) * part;
    if (threadIdx.x % LANES == 0) {
        const long long label = labels[row];
        const bool known = label >= 0 && label < classes;
        loss[row] = known ? -log_probability(logits[label] - top, log_total) : (real)0 * log_total;
    }
}

KERNEL(256) sparse_softmax_cross_entropy_grad(
    const real *p, const long long *labels, real scale, const real *scales, real *dz, long long rows, int classes)
{
    FOR_EACH(i, rows * classes / WIDTH)
    {
        const Where at = where(i * WIDTH, classes);
        const real factor = scales ? scales[at.row] : scale;
        const int label = labels[at.row] - at.column; // as seen from these numbers
        Numbers numbers = read(p + i * WIDTH);
        for (int k = 0; k < WIDTH; k++) numbers.at[k] = (numbers.at[k] - (label == k ? (real)1 : (real)0)) * factor;
        write(dz + i * WIDTH, numbers);
    }
}

// loss = mean_j (max(z_j, 0) - z_j t_j + log(1 + exp(-|z_j|))),  p = sigmoid(z)
KERNEL(256) sigmoid_cross_entropy(
    const real *logits, const real *targets, real *loss, real *p, long long rows, int classes)
{
    const long long row = my_row();
    if (row >= rows) return;
    logits += row * classes, targets += row * classes, p += row * classes;
    const real sum = row_sum(classes, [&](int j) {
        const real z = logits[j], e = exp(-fabs(z));
        p[j] = (z >= 0 ? (real)1 : e) / (1 + e);
        return (z > 0 ? z : (real)0) - z * targets[j] + log1p(e);
    });
    if (threadIdx.x % LANES == 0) loss[row] = sum / classes;
}

// dz = (p - t) scale / classes
KERNEL(256) sigmoid_cross_entropy_grad(
    const real *p, const real *targets, real scale, const real *scales, real *dz, long long rows, int classes)
{
    FOR_EACH(i, rows * classes) dz[i] = (p[i] - targets[i]) * ((scales ? scales[where(i, classes).row] : scale) / classes);
}
