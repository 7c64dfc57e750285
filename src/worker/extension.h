/*
 * extension.h
 *		Whether this database has the extension, and in which version.
 */
#ifndef FED_WORKER_EXTENSION_H
#define FED_WORKER_EXTENSION_H

#define FED_EXTENSION_NAME	"federated"

typedef enum FedExtensionStatus
{
	FED_EXTENSION_READY,		/* here, and locked until the transaction ends */
	FED_EXTENSION_ABSENT,
	FED_EXTENSION_BUSY,			/* being dropped or altered right now */
	FED_EXTENSION_OTHER_VERSION,	/* not the version this library is for */
} FedExtensionStatus;

typedef struct FedExtension
{
	Oid			oid;
	char		version[64];
} FedExtension;

extern FedExtensionStatus fed_extension_lock(FedExtension *extension);

#endif							/* FED_WORKER_EXTENSION_H */
