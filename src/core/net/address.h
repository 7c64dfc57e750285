/*
 * address.h
 *		Which IP addresses are for everybody, and which mean something only here.
 *
 * A server that opens connections for its users must not open any to what only
 * it can reach: itself, its network, the metadata service of a cloud. Addresses
 * that carry an IPv4 address inside are what that one is.
 */
#ifndef FED_CORE_NET_ADDRESS_H
#define FED_CORE_NET_ADDRESS_H

#include <stdint.h>

/* NULL if the address, in network order, is public; otherwise a word for what it is. */
extern const char *fed_address_v4_special(const uint8_t address[4]);
extern const char *fed_address_v6_special(const uint8_t address[16]);

#endif							/* FED_CORE_NET_ADDRESS_H */
