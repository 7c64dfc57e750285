/*
 * networks.h
 *		Sorting networks for up to 16 elements, as lists of comparisons.
 *
 * A network is a macro that calls CX(i, j), i < j, in order; CX puts the
 * smaller of elements i and j in i's place and the larger in j's. Every
 * comparison points the same way, so a network for 16 sorts n < 16 elements
 * too: leave out the comparisons with a j that is not there, as if its element
 * were larger than all others. networks_test proves both by the 0-1 principle
 * (Knuth, The Art of Computer Programming, volume 3, 5.3.4, theorem Z).
 */
#ifndef FED_CORE_KERNELS_NETWORKS_H
#define FED_CORE_KERNELS_NETWORKS_H

#define NETWORK_SIZE 16

/* Any order to ascending: Batcher's merge exchange (Knuth, 5.2.2, algorithm M). */
#define NETWORK_SORT(CX) \
	CX(0, 8) CX(1, 9) CX(2, 10) CX(3, 11) CX(4, 12) CX(5, 13) CX(6, 14) CX(7, 15) \
	CX(0, 4) CX(1, 5) CX(2, 6) CX(3, 7) CX(8, 12) CX(9, 13) CX(10, 14) CX(11, 15) \
	CX(4, 8) CX(5, 9) CX(6, 10) CX(7, 11) \
	CX(0, 2) CX(1, 3) CX(4, 6) CX(5, 7) CX(8, 10) CX(9, 11) CX(12, 14) CX(13, 15) \
	CX(2, 8) CX(3, 9) CX(6, 12) CX(7, 13) \
	CX(2, 4) CX(3, 5) CX(6, 8) CX(7, 9) CX(10, 12) CX(11, 13) \
	CX(0, 1) CX(2, 3) CX(4, 5) CX(6, 7) CX(8, 9) CX(10, 11) CX(12, 13) CX(14, 15) \
	CX(1, 8) CX(3, 10) CX(5, 12) CX(7, 14) \
	CX(1, 4) CX(3, 6) CX(5, 8) CX(7, 10) CX(9, 12) CX(11, 14) \
	CX(1, 2) CX(3, 4) CX(5, 6) CX(7, 8) CX(9, 10) CX(11, 12) CX(13, 14)

/* Bitonic, that is up and down or a rotation of it, to ascending (Batcher). */
#define NETWORK_UNBEND(CX) \
	CX(0, 8) CX(1, 9) CX(2, 10) CX(3, 11) CX(4, 12) CX(5, 13) CX(6, 14) CX(7, 15) \
	CX(0, 4) CX(1, 5) CX(2, 6) CX(3, 7) CX(8, 12) CX(9, 13) CX(10, 14) CX(11, 15) \
	CX(0, 2) CX(1, 3) CX(4, 6) CX(5, 7) CX(8, 10) CX(9, 11) CX(12, 14) CX(13, 15) \
	CX(0, 1) CX(2, 3) CX(4, 5) CX(6, 7) CX(8, 9) CX(10, 11) CX(12, 13) CX(14, 15)

#endif							/* FED_CORE_KERNELS_NETWORKS_H */
