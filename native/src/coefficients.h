/* The numbers that elementary functions are made of: those of sdk/assay/operators/{functions,angles,activations}.py,
 * which tests/native/test_coefficients.py holds against these. Part of the specification. */
#ifndef COEFFICIENTS_H
#define COEFFICIENTS_H

#include <stdint.h>

#define LOG2_E 0x1.71547652b82fep+0
#define LN2 0x1.62e42fefa39efp-1
#define LN2_HIGH 0x1.62e42fefa2000p-1
#define LN2_LOW 0x1.9ef35793c7673p-41
#define SQRT_HALF 0x1.6a09e667f3bcdp-1
#define FARTHEST 0x1.5e00000000000p+9
#define EXPM1_NEAR 0x1.0000000000000p-2
#define TANH_NEAR 0x1.0000000000000p-2
#define ERF_END 0x1.f70a3d70a3d71p+1
#define ERF_CENTRE 0x1.f000000000000p+2
#define TWO_OVER_PI 0x1.45f306dc9c883p-1
#define HALF_PI 0x1.921fb54442d18p+0
#define EXACT_QUADRANTS 0x1.0000000000000p+20
#define SQRT_TWO_OVER_PI 0x1.9884533d43651p-1
#define CUBIC 0x1.6e4e26d4801f7p-5
#define HALF_PI_1 0x1.921fb54400000p+0
#define HALF_PI_2 0x1.0b4611a600000p-34
#define HALF_PI_3 0x1.3198a2e037073p-69

static const double EXP[] = {
    0x1p+0, 0x1.fffffffff61ddp-1, 0x1.fffffffffe062p-2, 0x1.5555557e7777ep-3, 0x1.55555565c7e0ep-5,
    0x1.1110a6173845ep-7, 0x1.6c166bde96885p-10, 0x1.a17e052cd2c8fp-13, 0x1.a136bf03ec612p-16,
};
static const double ATANH[] = {
    0x1p+0, 0x1.5555555555157p-2, 0x1.9999999bd81f3p-3, 0x1.2492477e1dce5p-3, 0x1.c71d5d8ecb89dp-4,
    0x1.743cf2e7a943ep-4, 0x1.3d6fb1589de81p-4, 0x1.f1cd3c3f72266p-5, 0x1.6cb6b520b2eb7p-4,
};
static const double TANH[] = {
    0x1p+0, -0x1.5555555539b22p-2, 0x1.111110643ece9p-3, -0x1.ba1a472a39970p-5, 0x1.65d545b29e287p-6,
    -0x1.10c5530715930p-7,
};
static const double ERF[] = {
    0x1.6fcd22af73265p-2, -0x1.7b26f08ca816ap-6, 0x1.237b69153afa5p-9, -0x1.ea83a91df6a76p-13,
    0x1.a51fecd7e613fp-16, -0x1.642a6be3cfd5cp-19, 0x1.2240db7a8368bp-22, -0x1.c18aa60398690p-26,
    0x1.4826ed9dd7165p-29, -0x1.c1d1f0656dc32p-33, 0x1.21178b60ff135p-36, -0x1.5c8869f5d3af1p-40,
    0x1.8accf2653a3bep-44, -0x1.a57ea40d5bd84p-48, 0x1.a7c200f716211p-52, -0x1.8e8260c4f0a52p-56,
    0x1.6796047ab9d20p-60, -0x1.48b23de64724cp-64, 0x1.09dd254257151p-68, -0x1.1df2f8c059e42p-73,
    0x1.b4e8e8dcc00abp-78, -0x1.755b5e360ca92p-81, 0x1.f2d91b984d040p-86,
};
static const double SIN[] = {
    0x1p+0, -0x1.555555555516ap-3, 0x1.1111110fd3935p-7, -0x1.a019fd9a9838bp-13, 0x1.71d9a97cd3c34p-19,
    -0x1.aa28204b8cc64p-26,
};
static const double COS[] = {
    0x1p+0, -0x1.ffffffffffffap-2, 0x1.5555555554131p-5, -0x1.6c16c1691cef0p-10, 0x1.a019fc7a81ca5p-16,
    -0x1.27e0f50f770a1p-22, 0x1.1c062221cb53bp-29,
};
static const uint64_t TWO_OVER_PI_DIGITS[] = { /* ⌊2/π × 2²⁵⁶⌋, the least digit of 32 bits first */
    0xDEBBC561, 0xFE5163AB, 0x3C439041, 0xDB629599, 0xF534DDC0, 0xFC2757D1, 0x4E441529, 0xA2F9836E,
};

#endif
