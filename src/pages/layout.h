/*
 * layout.h
 *		How a vector is cut up: pages at rest, slices on the wire.
 *
 * A page row (vector_id bigint, page_no integer, data bytea PLAIN) fills one
 * heap page: 8,064 bytes of payload after a 24-byte tuple header, 12 bytes of
 * key and a 4-byte length. The tuple ends with the page, so the payload begins
 * at byte 128 of it, a multiple of 64. The last page of a vector is filled up
 * with zeros; digests and wire lengths never include the filling.
 */
#ifndef FED_PAGES_LAYOUT_H
#define FED_PAGES_LAYOUT_H

#define FED_PAGE_VALUES 2016	/* float32 values per page */
#define FED_PAGE_BYTES (FED_PAGE_VALUES * 4)
#define FED_SLICE_PAGES 130
#define FED_SLICE_BYTES (FED_SLICE_PAGES * FED_PAGE_BYTES)	/* 1,048,320 */

/* a page row as it lies in its heap page */
#define FED_PAGE_ROW_HEADER 24
#define FED_PAGE_ROW_BYTES (FED_PAGE_ROW_HEADER + 12 + 4 + FED_PAGE_BYTES)

/* columns of a page table */
#define FED_PAGE_ATTR_VECTOR 1
#define FED_PAGE_ATTR_NUMBER 2
#define FED_PAGE_ATTR_DATA 3
#define FED_PAGE_ATTRS 3

#define FED_SCHEMA "federated"

#endif							/* FED_PAGES_LAYOUT_H */
