// The optimizers' rules for one flat segment of n parameters, in place. Formulas: minidl/ops/update.py.
// scalars[0] is this step's learning rate. It is read from the device, so that a recorded step sees the rate of its replay.
#include "common.cuh"

KERNEL(256) sgd(real *value, const real *grad, const real *scalars, long long n)
{
    const real rate = scalars[0];
    FOR_EACH(i, n) value[i] -= rate * grad[i];
}

KERNEL(256) momentum(
    real *value, const real *grad, real *velocity, const real *scalars, real momentum, bool nesterov, long long n)
{
    const real rate = scalars[0];
    FOR_EACH(i, n)
    {
        const real step = rate * grad[i];
        const real v = velocity[i] * momentum - step;
        velocity[i] = v;
        value[i] += nesterov ? momentum * v - step : v;
    }
}

KERNEL(256) rmsprop(
    real *value, const real *grad, real *square, const real *scalars, real rho, real rest, real epsilon, long long n)
{
    const real rate = scalars[0];
    FOR_EACH(i, n)
    {
        const real s = rho * square[i] + rest * (grad[i] * grad[i]);
        square[i] = s;
        value[i] -= rate * grad[i] / sqrt(s + epsilon);
    }
}

KERNEL(256) adam(
    real *value, const real *grad, real *mean, real *square, const real *scalars, real beta_1, real rest_1, real beta_2,
    real rest_2, real epsilon, long long n)
{
    const real rate = scalars[0];
    FOR_EACH(i, n)
    {
        const real a = beta_1 * mean[i] + rest_1 * grad[i];
        const real s = beta_2 * square[i] + rest_2 * (grad[i] * grad[i]);
        mean[i] = a;
        square[i] = s;
        value[i] -= rate * a / (sqrt(s) + epsilon);
    }
}
