// The optimizers' rules in one pass over the rows of a table, in place. Formulas: minidl/ops/update.py.
// scalars[0] is this step's learning rate. It is read from the device, so that a recorded step sees the rate of its replay.
#include "pieces.cuh"

KERNEL(256) decay(const long long *pieces, const long long *starts, const real *scalars)
{
    const real decay = scalars[0]; // lr weight_decay
    FOR_EACH_PIECE(piece, 1)
    {
        real *value = column(piece, 0);
        FOR_EACH_NUMBER(i, piece[1]) value[i] -= decay * value[i];
    }
}

KERNEL(256) sgd(const long long *pieces, const long long *starts, const real *scalars)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 2)
    {
        real *value = column(piece, 0);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[2]) value[i] -= rate * grad[i];
    }
}

KERNEL(256) momentum(const long long *pieces, const long long *starts, const real *scalars, real momentum, bool nesterov)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 3)
    {
        real *value = column(piece, 0), *velocity = column(piece, 2);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[3])
        {
            const real step = rate * grad[i];
            const real v = velocity[i] * momentum - step;
            velocity[i] = v;
            value[i] += nesterov ? momentum * v - step : v;
        }
    }
}

KERNEL(256) rmsprop(
    const long long *pieces, const long long *starts, const real *scalars, real rho, real rest, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 3)
    {
        real *value = column(piece, 0), *square = column(piece, 2);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[3])
        {
            const real s = rho * square[i] + rest * (grad[i] * grad[i]);
            square[i] = s;
            value[i] -= rate * grad[i] / sqrt(s + epsilon);
        }
    }
}

KERNEL(256) rmsprop_outside(
    const long long *pieces, const long long *starts, const real *scalars, real rho, real rest, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 3)
    {
        real *value = column(piece, 0), *square = column(piece, 2);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[3])
        {
            const real s = rho * square[i] + rest * (grad[i] * grad[i]);
            square[i] = s;
            value[i] -= rate * grad[i] / (sqrt(s) + epsilon);
        }
    }
}

KERNEL(256) rmsprop_momentum(
    const long long *pieces, const long long *starts, const real *scalars, real rho, real rest, real epsilon,
    real momentum)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 4)
    {
        real *value = column(piece, 0), *square = column(piece, 2), *velocity = column(piece, 3);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[4])
        {
            const real s = rho * square[i] + rest * (grad[i] * grad[i]);
            square[i] = s;
            const real v = momentum * velocity[i] + rate * grad[i] / sqrt(s + epsilon);
            velocity[i] = v;
            value[i] -= v;
        }
    }
}

KERNEL(256) rmsprop_centered(
    const long long *pieces, const long long *starts, const real *scalars, real rho, real rest, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 4)
    {
        real *value = column(piece, 0), *square = column(piece, 2), *mean = column(piece, 3);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[4])
        {
            const real s = rho * square[i] + rest * (grad[i] * grad[i]);
            square[i] = s;
            const real a = rho * mean[i] + rest * grad[i];
            mean[i] = a;
            const real variance = s - a * a; // below zero by rounding alone
            value[i] -= rate * grad[i] / sqrt((variance < 0 ? 0 : variance) + epsilon);
        }
    }
}

KERNEL(256) rmsprop_centered_momentum(
    const long long *pieces, const long long *starts, const real *scalars, real rho, real rest, real epsilon,
    real momentum)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 5)
    {
        real *value = column(piece, 0), *square = column(piece, 2), *mean = column(piece, 3), *velocity = column(piece, 4);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[5])
        {
            const real g = grad[i]; // read once: the compiler cannot know that the arrays do not overlap
            const real s = rho * square[i] + rest * (g * g);
            square[i] = s;
            const real a = rho * mean[i] + rest * g;
            mean[i] = a;
            const real variance = s - a * a; // below zero by rounding alone
            const real v = momentum * velocity[i] + rate * g / sqrt((variance < 0 ? 0 : variance) + epsilon);
            velocity[i] = v;
            value[i] -= v;
        }
    }
}

KERNEL(256) adam(
    const long long *pieces, const long long *starts, const real *scalars, real beta_1, real rest_1, real beta_2,
    real rest_2, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 4)
    {
        real *value = column(piece, 0), *mean = column(piece, 2), *square = column(piece, 3);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[4])
        {
            const real a = beta_1 * mean[i] + rest_1 * grad[i];
            const real s = beta_2 * square[i] + rest_2 * (grad[i] * grad[i]);
            mean[i] = a;
            square[i] = s;
            value[i] -= rate * a / (sqrt(s) + epsilon);
        }
    }
}

KERNEL(256) amsgrad(
    const long long *pieces, const long long *starts, const real *scalars, real beta_1, real rest_1, real beta_2,
    real rest_2, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 5)
    {
        real *value = column(piece, 0), *mean = column(piece, 2), *square = column(piece, 3), *largest = column(piece, 4);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[5])
        {
            const real a = beta_1 * mean[i] + rest_1 * grad[i];
            const real s = beta_2 * square[i] + rest_2 * (grad[i] * grad[i]);
            mean[i] = a;
            square[i] = s;
            const real h = s > largest[i] || s != s ? s : largest[i]; // NaN is passed on
            largest[i] = h;
            value[i] -= rate * a / (sqrt(h) + epsilon);
        }
    }
}

KERNEL(256) adamax(
    const long long *pieces, const long long *starts, const real *scalars, real beta_1, real rest_1, real beta_2,
    real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 4)
    {
        real *value = column(piece, 0), *mean = column(piece, 2), *largest = column(piece, 3);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[4])
        {
            const real a = beta_1 * mean[i] + rest_1 * grad[i];
            const real size = grad[i] < 0 ? -grad[i] : grad[i], before = beta_2 * largest[i];
            const real u = size > before || size != size ? size : before; // NaN is passed on
            mean[i] = a;
            largest[i] = u;
            value[i] -= rate * a / (u + epsilon);
        }
    }
}

KERNEL(256) nadam(
    const long long *pieces, const long long *starts, const real *scalars, real beta_1, real rest_1, real beta_2,
    real rest_2, real epsilon)
{
    const real rate = scalars[0], of_mean = scalars[1], of_grad = scalars[2], of_square = scalars[3];
    FOR_EACH_PIECE(piece, 4)
    {
        real *value = column(piece, 0), *mean = column(piece, 2), *square = column(piece, 3);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[4])
        {
            const real a = beta_1 * mean[i] + rest_1 * grad[i];
            const real s = beta_2 * square[i] + rest_2 * (grad[i] * grad[i]);
            mean[i] = a;
            square[i] = s;
            value[i] -= rate * (of_mean * a + of_grad * grad[i]) / (sqrt(of_square * s) + epsilon);
        }
    }
}

KERNEL(256) adagrad(const long long *pieces, const long long *starts, const real *scalars, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 3)
    {
        real *value = column(piece, 0), *square_sum = column(piece, 2);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[3])
        {
            const real s = square_sum[i] + grad[i] * grad[i];
            square_sum[i] = s;
            value[i] -= rate * grad[i] / sqrt(s + epsilon);
        }
    }
}

KERNEL(256) adagrad_outside(const long long *pieces, const long long *starts, const real *scalars, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 3)
    {
        real *value = column(piece, 0), *square_sum = column(piece, 2);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[3])
        {
            const real s = square_sum[i] + grad[i] * grad[i];
            square_sum[i] = s;
            value[i] -= rate * grad[i] / (sqrt(s) + epsilon);
        }
    }
}

KERNEL(256) adadelta(
    const long long *pieces, const long long *starts, const real *scalars, real rho, real rest, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 4)
    {
        real *value = column(piece, 0), *square = column(piece, 2), *step_square = column(piece, 3);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[4])
        {
            const real s = rho * square[i] + rest * (grad[i] * grad[i]);
            const real step = grad[i] * (sqrt(step_square[i] + epsilon) / sqrt(s + epsilon));
            square[i] = s;
            step_square[i] = rho * step_square[i] + rest * (step * step);
            value[i] -= rate * step;
        }
    }
}
