// Runs one sample on a device and compares.
#ifndef PEER_CHECK_H
#define PEER_CHECK_H
#include "rows.h"

enum verdict { PEER_PASSED, PEER_FAILED, PEER_UNABLE };

// `text` says what differs, or why weft's API has no such call.
enum verdict check_op(weft_device *dev, const struct op_row *r, const struct sample *m,
                      char text[PEER_TEXT]);
enum verdict check_optim(weft_device *dev, const struct optim_row *r, const struct sample *m,
                         char text[PEER_TEXT]);

#endif
