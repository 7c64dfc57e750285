/*
 * gaussian_curve.h
 *		What the Gaussian mechanism gives away, exactly.
 */
#ifndef FED_CORE_DP_GAUSSIAN_CURVE_H
#define FED_CORE_DP_GAUSSIAN_CURVE_H

/*
 * The least epsilon >= 0 for which noise of a standard deviation of 1 / mu, in
 * units of the sensitivity, is (epsilon, delta)-differentially private: Balle,
 * Wang 2018, theorem 8. Rounds compose: mu^2 is the sum of theirs. mu >= 0
 * and finite, 0 < delta < 1.
 */
extern double fed_gaussian_epsilon(double mu, double delta);

#endif							/* FED_CORE_DP_GAUSSIAN_CURVE_H */
