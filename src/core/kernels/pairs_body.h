/*
 * pairs_body.h
 *		Sums over pairs of streams: squared distances and products, also with one
 *		stream in double; see kernels_body.h.
 *
 * How wide a vector is must not show in a sum. So each sum is kept in LANES
 * partial sums, value i in lane i % LANES, and the lanes are added up in one
 * fixed order at the end of a call. A level whose vectors are narrower goes
 * over the values once per vector of lanes.
 *
 * The sums of a tile of PAIR_ROWS x PAIR_COLUMNS pairs stay in registers, so
 * that a value which was loaded and widened serves many pairs. Streams are
 * expected to be pages: a row of tiles finds its PAIR_ROWS streams in the first
 * cache, and all streams in the second.
 */
#define LANES 8

/*
 * As many as sixteen registers hold, and wide rather than high: what lies below
 * the diagonal in a row of tiles is computed for nothing.
 */
#define PAIR_ROWS 3
#define PAIR_COLUMNS 4

/* What one value of each stream of a pair contributes. */
typedef enum PairTerm
{
	SQUARED_DIFFERENCE,			/* (a - b)^2 */
	PRODUCT,					/* a b */
	SQUARE						/* a^2, whatever b is */
} PairTerm;

/* The streams of a tile, of whose columns the first n_columns count. */
typedef struct PairTile
{
	const float *rows[PAIR_ROWS];
	const float *columns[PAIR_COLUMNS];
} PairTile;

INLINE VEC
pair_term(PairTerm term, VEC a, VEC b)
{
	if (term == SQUARED_DIFFERENCE)
	{
		a = VEC_SUB(a, b);
		b = a;
	}
	return VEC_MUL(a, term == SQUARE ? a : b);
}

/* Adds the terms of VEC_WIDTH values, from the one at `at` on. */
INLINE void
add_terms(VEC sums[PAIR_ROWS][PAIR_COLUMNS], const PairTile *tile,
		  PairTerm term, int n_columns, size_t at)
{
	VEC			a[PAIR_ROWS];

	for (int r = 0; r < PAIR_ROWS; r++)
		a[r] = VEC_WIDEN(tile->rows[r] + at);
	for (int c = 0; c < n_columns; c++)
	{
		VEC			b = VEC_WIDEN(tile->columns[c] + at);

		for (int r = 0; r < PAIR_ROWS; r++)
			sums[r][c] = VEC_ADD(sums[r][c], pair_term(term, a[r], b));
	}
}

/*
 * The last n < LANES values of each stream, followed by zeros. A term of zeros
 * is +0, and adding that changes no lane: they start from +0, so none is -0.
 */
INLINE void
pad_tile(PairTile *padded, float values[PAIR_ROWS + PAIR_COLUMNS][LANES],
		 const PairTile *tile, int n_columns, size_t at, size_t n)
{
	memset(values, 0, sizeof(float) * (PAIR_ROWS + PAIR_COLUMNS) * LANES);
	for (int r = 0; r < PAIR_ROWS; r++)
		padded->rows[r] = memcpy(values[r], tile->rows[r] + at, n * sizeof(float));
	for (int c = 0; c < n_columns; c++)
		padded->columns[c] = memcpy(values[PAIR_ROWS + c], tile->columns[c] + at,
									n * sizeof(float));
}

/* The sum of the lanes, halves folded onto each other. */
INLINE double
fold_lanes(double *lanes)
{
	for (int width = LANES / 2; width > 0; width /= 2)
	{
		for (int l = 0; l < width; l++)
			lanes[l] += lanes[l + width];
	}
	return lanes[0];
}

/* The sums of a tile, n_columns of its columns, over all values. */
INLINE void
sum_tile(double out[PAIR_ROWS][PAIR_COLUMNS], const PairTile *tile,
		 PairTerm term, int n_columns, size_t n_values)
{
	double		lanes[PAIR_ROWS][PAIR_COLUMNS][LANES];
	float		values[PAIR_ROWS + PAIR_COLUMNS][LANES];
	PairTile	padded = *tile;
	size_t		rest = n_values % LANES;
	size_t		whole = n_values - rest;

	if (rest > 0)
		pad_tile(&padded, values, tile, n_columns, whole, rest);
	for (size_t lane = 0; lane < LANES; lane += VEC_WIDTH)
	{
		VEC			sums[PAIR_ROWS][PAIR_COLUMNS];

		for (int r = 0; r < PAIR_ROWS; r++)
			for (int c = 0; c < n_columns; c++)
				sums[r][c] = VEC_SET(0.0);
		for (size_t i = lane; i < whole; i += LANES)
			add_terms(sums, tile, term, n_columns, i);
		if (rest > 0)
			add_terms(sums, &padded, term, n_columns, lane);
		for (int r = 0; r < PAIR_ROWS; r++)
			for (int c = 0; c < n_columns; c++)
				VEC_STORE(&lanes[r][c][lane], sums[r][c]);
	}
	for (int r = 0; r < PAIR_ROWS; r++)
		for (int c = 0; c < n_columns; c++)
			out[r][c] = fold_lanes(lanes[r][c]);
}

/* The same for a number of columns that the compiler does not know. */
INLINE void
sum_narrow_tile(double out[PAIR_ROWS][PAIR_COLUMNS], const PairTile *tile,
				PairTerm term, size_t n_columns, size_t n_values)
{
	switch (n_columns)
	{
		case 1:
			sum_tile(out, tile, term, 1, n_values);
			break;
		case 2:
			sum_tile(out, tile, term, 2, n_values);
			break;
		case 3:
			sum_tile(out, tile, term, 3, n_values);
			break;
		default:
			sum_tile(out, tile, term, PAIR_COLUMNS, n_values);
			break;
	}
}

/* Rows from the one at `first` on; the last stands in for those that lack. */
INLINE void
set_rows(PairTile *tile, const float *const *streams, size_t n_streams,
		 size_t first)
{
	for (size_t r = 0; r < PAIR_ROWS; r++)
		tile->rows[r] = streams[first + r < n_streams ? first + r : n_streams - 1];
}

/* Adds the sums of all pairs i, j with j >= i + apart to matrix[i, j]. */
INLINE void
sum_pairs(double *matrix, const float *const *streams, size_t n_streams,
		  size_t apart, PairTerm term, size_t n_values)
{
	PairTile	tile;
	double		sums[PAIR_ROWS][PAIR_COLUMNS];

	for (size_t i = 0; i < n_streams; i += PAIR_ROWS)
	{
		set_rows(&tile, streams, n_streams, i);
		for (size_t j = i + apart; j < n_streams; j += PAIR_COLUMNS)
		{
			size_t		n_columns = n_streams - j < PAIR_COLUMNS ? n_streams - j : PAIR_COLUMNS;

			for (size_t c = 0; c < n_columns; c++)
				tile.columns[c] = streams[j + c];
			sum_narrow_tile(sums, &tile, term, n_columns, n_values);
			for (size_t r = 0; r < PAIR_ROWS && i + r < n_streams; r++)
				for (size_t c = 0; c < n_columns; c++)
					if (j + c >= i + r + apart)
						matrix[(i + r) * n_streams + j + c] += sums[r][c];
		}
	}
}

/* Adds the sum of each stream with one other to sums. */
INLINE void
sum_column(double *sums, const float *const *streams, size_t n_streams,
		   const float *other, PairTerm term, size_t n_values)
{
	PairTile	tile = {.columns = {other}};
	double		part[PAIR_ROWS][PAIR_COLUMNS];

	for (size_t i = 0; i < n_streams; i += PAIR_ROWS)
	{
		set_rows(&tile, streams, n_streams, i);
		sum_tile(part, &tile, term, 1, n_values);
		for (size_t r = 0; r < PAIR_ROWS && i + r < n_streams; r++)
			sums[i + r] += part[r][0];
	}
}

TARGET static void
distances(double *matrix, const float *const *streams, size_t n_streams,
		  size_t n_values)
{
	sum_pairs(matrix, streams, n_streams, 1, SQUARED_DIFFERENCE, n_values);
}

TARGET static void
products(double *matrix, const float *const *streams, size_t n_streams,
		 size_t n_values)
{
	sum_pairs(matrix, streams, n_streams, 0, PRODUCT, n_values);
}

TARGET static void
dots(double *sums, const float *const *streams, size_t n_streams,
	 const float *other, size_t n_values)
{
	sum_column(sums, streams, n_streams, other, PRODUCT, n_values);
}

TARGET static void
norms(double *sums, const float *const *streams, size_t n_streams,
	  size_t n_values)
{
	/* Any stream will do as the column that is not looked at. */
	if (n_streams > 0)
		sum_column(sums, streams, n_streams, streams[0], SQUARE, n_values);
}

/*
 * Streams beside one in double. All lanes at once: with few sums there are
 * registers for it, and no addition waits for the one before.
 */
#define WIDE_ROWS 4
#define LANE_VECS (LANES / VEC_WIDTH)

INLINE void
add_wide_terms(VEC sums[WIDE_ROWS][LANE_VECS], const float *const *rows,
			   size_t n_rows, const double *other)
{
	for (int v = 0; v < LANE_VECS; v++)
	{
		VEC			b = VEC_LOAD(other + v * VEC_WIDTH);

		for (size_t r = 0; r < n_rows; r++)
			sums[r][v] = VEC_ADD(sums[r][v],
								 VEC_MUL(VEC_WIDEN(rows[r] + v * VEC_WIDTH), b));
	}
}

/* Adds the sums of n_rows streams; behind the last whole lanes come zeros. */
INLINE void
sum_wide_rows(double *out, const float *const *streams, size_t n_rows,
			  const double *other, size_t n_values)
{
	VEC			sums[WIDE_ROWS][LANE_VECS];
	const float *rows[WIDE_ROWS];
	float		values[WIDE_ROWS][LANES] = {{0}};
	double		others[LANES] = {0};
	double		lanes[LANES];
	size_t		rest = n_values % LANES;
	size_t		whole = n_values - rest;

	for (size_t r = 0; r < n_rows; r++)
		for (int v = 0; v < LANE_VECS; v++)
			sums[r][v] = VEC_SET(0.0);
	for (size_t i = 0; i < whole; i += LANES)
	{
		for (size_t r = 0; r < n_rows; r++)
			rows[r] = streams[r] + i;
		add_wide_terms(sums, rows, n_rows, other + i);
	}
	if (rest > 0)
	{
		for (size_t r = 0; r < n_rows; r++)
			rows[r] = memcpy(values[r], streams[r] + whole, rest * sizeof(float));
		memcpy(others, other + whole, rest * sizeof(double));
		add_wide_terms(sums, rows, n_rows, others);
	}
	for (size_t r = 0; r < n_rows; r++)
	{
		for (int v = 0; v < LANE_VECS; v++)
			VEC_STORE(lanes + v * VEC_WIDTH, sums[r][v]);
		out[r] += fold_lanes(lanes);
	}
}

/* The same of the one in double with itself. */
INLINE double
wide_square(const double *other, size_t n_values)
{
	VEC			sums[LANE_VECS];
	double		lanes[LANES];
	size_t		rest = n_values % LANES;
	size_t		whole = n_values - rest;

	for (int v = 0; v < LANE_VECS; v++)
		sums[v] = VEC_SET(0.0);
	for (size_t i = 0; i < whole; i += LANES)
	{
		for (int v = 0; v < LANE_VECS; v++)
		{
			VEC			x = VEC_LOAD(other + i + v * VEC_WIDTH);

			sums[v] = VEC_ADD(sums[v], VEC_MUL(x, x));
		}
	}
	for (int v = 0; v < LANE_VECS; v++)
		VEC_STORE(lanes + v * VEC_WIDTH, sums[v]);
	for (size_t i = 0; i < rest; i++)
		lanes[i] += other[whole + i] * other[whole + i];
	return fold_lanes(lanes);
}

TARGET static void
wide_dots(double *sums, const float *const *streams, size_t n_streams,
		  const double *other, size_t n_values)
{
	size_t		i = 0;

	for (; i + WIDE_ROWS <= n_streams; i += WIDE_ROWS)
		sum_wide_rows(sums + i, streams + i, WIDE_ROWS, other, n_values);
	for (; i < n_streams; i++)
		sum_wide_rows(sums + i, streams + i, 1, other, n_values);
	sums[n_streams] += wide_square(other, n_values);
}
