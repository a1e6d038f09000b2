// Matrix instructions by ordinary means, to check on any device that kernels hand them the right
// elements. For each element of a and b the manuals' tables, read backwards, say which lane holds
// it and where; nothing of matmul_atom.h's maps is used.
//
// `heard` is local memory of a subgroup, LANES_ALL * (AW + BW) words: lanes lay down what they
// hold. All work-items of the group must come here together.
#ifndef WF_MATMUL_ATOM_EMULATED_H
#define WF_MATMUL_ATOM_EMULATED_H

struct place {
    int lane, word, part; // part: element of the word
};

// Of a: row m, element k.
static inline struct place place_of_a(int m, int k)
{
#if ATOM == ATOM_NV
    // groupID = lane >> 2; threadID_in_group = lane % 4
    int each = 4 / (4 / WORD); // elements of a register
    int half_k = 4 * each;     // registers 2 and 3 begin there
    int in = k % half_k;
    return (struct place){(m % 8) * 4 + in / each, m / 8 + 2 * (k / half_k), in % each};
#elif ATOM == ATOM_MFMA || ATOM == ATOM_MFMA3
    int each = AK * WORD / 4; // elements of a lane
    return (struct place){k / each * 16 + m, k % each / WORD, k % WORD};
#elif ATOM == ATOM_WMMA
    return (struct place){m, k / WORD, k % WORD};
#elif ATOM == ATOM_DPAS8
    return (struct place){k / WORD, m, k % WORD};
#else
    // Two bytes of each row for a lane.
    int each = WORD / 2;
    return (struct place){k / each, m, k % each};
#endif
}

// Of b: element k, column n.
static inline struct place place_of_b(int k, int n)
{
#if ATOM == ATOM_NV
    int each = WORD, half_k = 4 * each, in = k % half_k;
    return (struct place){n * 4 + in / each, k / half_k, in % each};
#elif ATOM == ATOM_MFMA || ATOM == ATOM_MFMA3
    int each = AK * WORD / 4;
    return (struct place){k / each * 16 + n, k % each / WORD, k % WORD};
#else
    return (struct place){n, k / WORD, k % WORD};
#endif
}

// Of c: row m, column n.
static inline struct place place_of_c(int m, int n)
{
#if ATOM == ATOM_NV
    return (struct place){m % 8 * 4 + n / 2, m / 8 * 2 + n % 2, 0};
#elif ATOM == ATOM_MFMA || ATOM == ATOM_MFMA3
    return (struct place){m / 4 * 16 + n, m % 4, 0};
#elif ATOM == ATOM_WMMA
    return (struct place){m % 2 * 16 + n, m / 2, 0};
#else
    return (struct place){n, m, 0};
#endif
}

// An element of a word, or of a half word of bytes.
static inline C_TYPE element(uint word, int part, bool is_signed)
{
#if KIND == KIND_I8
    uint byte = word >> 8 * part & 255;
    return is_signed ? (int)as_char((uchar)byte) : (int)byte;
#elif KIND == KIND_F32 && ATOM == ATOM_NV
    return as_float(word & 0xffffe000u);
#elif KIND == KIND_F32
    return as_float(word);
#elif KIND == KIND_BF16
    return as_float((word >> 16 * part & 0xffffu) << 16);
#else
    ushort bits = (ushort)(word >> 16 * part);
    return vload_half(0, (const private half *)&bits);
#endif
}

static inline void emulate(private C_TYPE *c, private const A_PART *a, private const uint *b,
                           local uint *heard, int lane)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int r = 0; r < AW; r++)
        heard[lane * AW + r] = a[r];
    for (int r = 0; r < BW; r++)
        heard[LANES_ALL * AW + lane * BW + r] = b[r];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int m = 0; m < AM; m++) {
        for (int n = 0; n < AN; n++) {
            struct place pc = place_of_c(m, n);
            if (pc.lane != lane)
                continue;
            for (int k = 0; k < AK * WORD; k++) {
                struct place pa = place_of_a(m, k), pb = place_of_b(k, n);
                c[pc.word] +=
                    element(heard[pa.lane * AW + pa.word], pa.part, A_SIGNED) *
                    element(heard[LANES_ALL * AW + pb.lane * BW + pb.word], pb.part, B_SIGNED);
            }
        }
    }
}
#define MMA(c, a, b) emulate(c, a, b, heard, lane);
#endif
