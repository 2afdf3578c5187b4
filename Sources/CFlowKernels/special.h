// Parts of the special functions that densities share; the rest is in CFlowKernels.h.
#ifndef FK_SPECIAL_H
#define FK_SPECIAL_H

// Derivative of fk_student_constant by log nu.
double fk_student_constant_slope(double nu);

// log(x^a e^-x / Gamma(a + 1)); `constant` is fk_gamma_constant(a).
double fk_gamma_constant(double a);
double fk_gamma_factor(double a, double constant, double x, double log_x);

// log(x^a y^b / B(a, b)), x + y = 1; `constant` is fk_beta_constant(a, b).
double fk_beta_constant(double a, double b);
double fk_beta_factor(double a, double b, double constant, double x, double y, double log_x,
                      double log_y);

#endif
