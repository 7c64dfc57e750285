/*
 * writer.h
 *		Append pages to a page table.
 */
#ifndef FED_PAGES_WRITER_H
#define FED_PAGES_WRITER_H

typedef struct FedPageWriter FedPageWriter;

extern FedPageWriter *fed_page_writer_open(const char *relation, int64 vector_id);
extern void fed_page_writer_add(FedPageWriter *writer, int page_no, const void *data, Size bytes);
extern void fed_page_writer_close(FedPageWriter *writer);

#endif							/* FED_PAGES_WRITER_H */
