/* How a kernel goes over images, as both convolutions are told. */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdint.h>

/* Each group of channels makes `made` channels of its own. A padded image has fewer than 2³⁰ pixels, so that 32
 * bits hold every place. native/products.py fills this in. */
typedef struct {
    int64_t images, groups, channels, made; /* channels: of a group */
    int64_t height, width, kernel_height, kernel_width;
    int64_t stride_down, stride_across, dilation_down, dilation_across, above, before; /* above, before: padding */
    int64_t places_down, places_across;
} Window;

#endif
