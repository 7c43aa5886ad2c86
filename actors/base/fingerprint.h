/*  What is the same in reasons that differ only in numbers, ids and hosts, so that a million failures are a few
 *  kinds. Pure.
 *
 *  The rule, from left to right. A word is a run of letters, digits, '_' and bytes over 0x7f, and of '-', '.' and ':'
 *  between two of these; '-', '.' and ':' cut it into parts. Then
 *
 *      a word that is the answer's HTTP status      stays                       503
 *      a word that is a UUID                        becomes #
 *      a part without a digit                       stays                       api, timeout
 *      letters, then digits only                    keeps its letters           ec2 -> ec#
 *      any other part with a digit                  becomes #                   0abc7f, 250ms, 24T10
 *      eight or more hexadecimal digits, one of     become #                    deadbeef12
 *      them decimal
 *      parts that both became #                     become one                  10.0.0.1:443 -> #
 *
 *  and everything else stays as it is: "no connection to api-7.eu-west-1.example.com:443 within 3 s" becomes "no connection to
 *  api-#.eu-west-#.example.com:# within # s". At most HF_PATTERN_MAX bytes of that count.  */

#ifndef HF_FINGERPRINT_H
#define HF_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

enum { HF_PATTERN_MAX = 200 }; //  Bytes of a pattern: reasons begin with what they are about

//  Writes the pattern of a reason. http_status: the answer's, which stays; 0: none. Returns the pattern's bytes.
size_t hf_fingerprint_pattern(const char *reason, uint32_t http_status, char pattern[HF_PATTERN_MAX + 1]);

#endif
