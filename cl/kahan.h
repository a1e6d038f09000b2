// Sums with a compensation for what rounding loses (Kahan, 1965).
//
//   INTEGER   nothing is lost
#ifndef WF_KAHAN_H
#define WF_KAHAN_H

// Adds v, a number or a vector of type V. Infinity and NaN, whose difference from themselves is not
// 0, have no compensation.
#ifdef INTEGER
#define ADD(V, sum, lost, v) (sum) += (v);
#else
#define ADD(V, sum, lost, v)                                 \
    {                                                        \
        V y_ = (v) - (lost), t_ = (sum) + y_;                \
        (lost) = t_ - t_ == (V)0 ? (t_ - (sum)) - y_ : (V)0; \
        (sum) = t_;                                          \
    }
#endif
#endif
