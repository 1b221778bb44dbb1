//! Numbers in blocks: weights in less than two bytes each, as GGUF files keep them.
//!
//! Most weights of a model are small numbers of much the same size. So a few bits are enough for each, if a number that is
//! kept once says how much a step of these bits is worth: the *scale*. To lose little, the scale is not one for a whole
//! matrix but one for each *block* of a row. The library ggml, which is under llama.cpp, has two families of blocks:
//!
//! ```text
//! Q4_0, Q4_1, Q5_0, Q5_1, Q8_0    32 numbers, with a scale `d` and perhaps a smallest value `m`
//! IQ4_NL                          32 numbers of 4 bits that choose from a table of 16 steps
//! Q2_K, Q3_K, Q4_K, Q5_K, Q6_K    256 numbers in 8 or 16 groups; a group has a scale of a few bits of its own
//! IQ4_XS                          the same, with the table of IQ4_NL
//! ```
//!
//! The digit is the number of bits of a number. `d`, `m` and `dmin` are of 16 bits ([`F16`]). A row must fill whole blocks.
//!
//! Here every kind is read, one function each, with the layout of the block above it: first byte first, and `name[n]` for
//! `n` bytes. Q8_0 is also written: the kind that loses least, and the only one that needs no search for good scales.
//!
//! Source: the behaviour of the Python package `gguf` 0.19.0, with which the tests below compare.

use crate::float16::F16;
use crate::kernels::unpack::each_block;

/// A kind of block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checkpoint) enum Blocks {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Iq4Nl,
    Iq4Xs,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
}

/// Each kind with its name, how many numbers a block has, and how many bytes.
const KINDS: [(Blocks, &str, usize, usize); 12] = [
    (Blocks::Q4_0, "Q4_0", 32, 18),
    (Blocks::Q4_1, "Q4_1", 32, 20),
    (Blocks::Q5_0, "Q5_0", 32, 22),
    (Blocks::Q5_1, "Q5_1", 32, 24),
    (Blocks::Q8_0, "Q8_0", 32, 34),
    (Blocks::Iq4Nl, "IQ4_NL", 32, 18),
    (Blocks::Iq4Xs, "IQ4_XS", 256, 136),
    (Blocks::Q2K, "Q2_K", 256, 84),
    (Blocks::Q3K, "Q3_K", 256, 110),
    (Blocks::Q4K, "Q4_K", 256, 144),
    (Blocks::Q5K, "Q5_K", 256, 176),
    (Blocks::Q6K, "Q6_K", 256, 210),
];

impl Blocks {
    fn row(self) -> (Blocks, &'static str, usize, usize) {
        KINDS.iter().find(|(kind, ..)| *kind == self).copied().unwrap_or(KINDS[0])
    }

    /// Its name, for example `Q8_0`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// How many numbers a block has.
    pub fn n_numbers(self) -> usize {
        self.row().2
    }

    /// How many bytes a block has.
    pub fn n_bytes(self) -> usize {
        self.row().3
    }

    /// Blocks to numbers: as many blocks as `bytes` holds whole, or as fill `out`. Returns whether all are numbers, neither
    /// NaN nor infinite. That depends on the scales alone: what they are multiplied by is small.
    pub fn decode(self, bytes: &[u8], out: &mut [f32]) -> bool {
        match self {
            Blocks::Q4_0 => each_block(bytes, out, q4_0),
            Blocks::Q4_1 => each_block(bytes, out, q4_1),
            Blocks::Q5_0 => each_block(bytes, out, q5_0),
            Blocks::Q5_1 => each_block(bytes, out, q5_1),
            Blocks::Q8_0 => each_block(bytes, out, q8_0),
            Blocks::Iq4Nl => each_block(bytes, out, iq4_nl),
            Blocks::Iq4Xs => each_block(bytes, out, iq4_xs),
            Blocks::Q2K => each_block(bytes, out, q2_k),
            Blocks::Q3K => each_block(bytes, out, q3_k),
            Blocks::Q4K => each_block(bytes, out, q4_k),
            Blocks::Q5K => each_block(bytes, out, q5_k),
            Blocks::Q6K => each_block(bytes, out, q6_k),
        }
    }
}

/// The number of 16 bits that begins at byte `at`.
#[inline(always)]
fn f16(block: &[u8], at: usize) -> f32 {
    F16(u16::from_le_bytes([block[at], block[at + 1]])).value()
}

/// `d, q[16]`. Byte `i` has number `i` in its low half and number `16 + i` in its high half; `x = d * (q - 8)`.
#[inline(always)]
fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) -> [f32; 2] {
    let d = f16(block, 0);
    for i in 0..16 {
        let q = block[2 + i];
        out[i] = d * (f32::from(q & 15) - 8.0);
        out[16 + i] = d * (f32::from(q >> 4) - 8.0);
    }
    [d, 0.0]
}

/// `d, m, q[16]`, halves as in Q4_0; `x = d * q + m`.
#[inline(always)]
fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) -> [f32; 2] {
    let (d, m) = (f16(block, 0), f16(block, 2));
    for i in 0..16 {
        let q = block[4 + i];
        out[i] = d * f32::from(q & 15) + m;
        out[16 + i] = d * f32::from(q >> 4) + m;
    }
    [d, m]
}

/// Bit `i` of the four bytes from `at` on, in the place of the fifth bit of a number: 0 or 16.
#[inline(always)]
fn fifth_bit(block: &[u8], at: usize, i: usize) -> u8 {
    (block[at + i / 8] >> (i % 8) & 1) << 4
}

/// `d, high[4], q[16]`, halves as in Q4_0, and the fifth bit of number `i` is bit `i` of `high`; `x = d * (q - 16)`.
#[inline(always)]
fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) -> [f32; 2] {
    let d = f16(block, 0);
    for i in 0..16 {
        let q = block[6 + i];
        out[i] = d * (f32::from(q & 15 | fifth_bit(block, 2, i)) - 16.0);
        out[16 + i] = d * (f32::from(q >> 4 | fifth_bit(block, 2, 16 + i)) - 16.0);
    }
    [d, 0.0]
}

/// `d, m, high[4], q[16]`, bits as in Q5_0; `x = d * q + m`.
#[inline(always)]
fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) -> [f32; 2] {
    let (d, m) = (f16(block, 0), f16(block, 2));
    for i in 0..16 {
        let q = block[8 + i];
        out[i] = d * f32::from(q & 15 | fifth_bit(block, 4, i)) + m;
        out[16 + i] = d * f32::from(q >> 4 | fifth_bit(block, 4, 16 + i)) + m;
    }
    [d, m]
}

/// `d, q[32]`, with `q` from -128 to 127; `x = d * q`.
#[inline(always)]
fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) -> [f32; 2] {
    let d = f16(block, 0);
    for (x, &q) in out.iter_mut().zip(&block[2..]) {
        *x = d * f32::from(q as i8);
    }
    [d, 0.0]
}

/// The steps of IQ4_NL: close together about zero, where most weights are.
const STEPS: [f32; 16] =
    [-127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0];

/// `d, q[16]`, halves as in Q4_0; `x = d * step number q`.
#[inline(always)]
fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) -> [f32; 2] {
    let d = f16(block, 0);
    for i in 0..16 {
        let q = block[2 + i];
        out[i] = d * STEPS[usize::from(q & 15)];
        out[16 + i] = d * STEPS[usize::from(q >> 4)];
    }
    [d, 0.0]
}

// The kinds of 256 numbers. Number `i` is in group `i / 32`, or `i / 16` where there are 16 groups. Its bits are not side by
// side with those of its neighbours: a byte has bits of numbers that are 32 apart, which is quick for processors that work
// on 32 bytes at a time.

/// `d, high[2], low[4], q[128]`. A group of 32 numbers has 16 bytes of `q`, halves as in Q4_0. Its scale has six bits: the low
/// four in the halves of `low`, the others in `high`, two bits for each group; `x = d * (scale - 32) * step number q`.
#[inline(always)]
fn iq4_xs(block: &[u8; 136], out: &mut [f32; 256]) -> [f32; 2] {
    let d = f16(block, 0);
    let high = u16::from_le_bytes([block[2], block[3]]);
    for (group, numbers) in out.chunks_exact_mut(32).enumerate() {
        let low = block[4 + group / 2] >> (4 * (group % 2)) & 15;
        let scale = d * (f32::from(u16::from(low) | (high >> (2 * group) & 3) << 4) - 32.0);
        let (first, second) = numbers.split_at_mut(16);
        for ((x, y), q) in first.iter_mut().zip(second).zip(&block[8 + 16 * group..]) {
            *x = scale * STEPS[usize::from(q & 15)];
            *y = scale * STEPS[usize::from(q >> 4)];
        }
    }
    [d, 0.0]
}

/// `scales[16], q[64], d, dmin`. A byte of `scales` has a group's scale in its low half and its smallest value in its high
/// half. Byte `32 * half + l` of `q` has the two bits of four numbers, of which number `128 * half + 32 * j + l` is the `j`-th;
/// `x = d * scale * q - dmin * smallest`.
#[inline(always)]
fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) -> [f32; 2] {
    let (d, dmin) = (f16(block, 80), f16(block, 82));
    for (group, numbers) in out.chunks_exact_mut(16).enumerate() {
        let (half, j) = (group / 8, group % 8 / 2);
        let scale = d * f32::from(block[group] & 15);
        let smallest = dmin * f32::from(block[group] >> 4);
        let q = &block[16 + 32 * half + 16 * (group % 2)..][..16];
        for (x, q) in numbers.iter_mut().zip(q) {
            *x = scale * f32::from(q >> (2 * j) & 3) - smallest;
        }
    }
    [d, dmin]
}

/// `high[32], q[64], scales[12], d`. Two bits of each number as in Q2_K; the third of number `32 * k + l` is bit `k` of byte `l`
/// of `high`. A scale has six bits: the low four in the halves of the first 8 bytes of `scales`, the others in the last 4;
/// `x = d * (scale - 32) * (q - 4)`.
#[inline(always)]
fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) -> [f32; 2] {
    let (d, scales) = (f16(block, 108), &block[96..108]);
    for (group, numbers) in out.chunks_exact_mut(16).enumerate() {
        let (half, j, k) = (group / 8, group % 8 / 2, group / 2);
        let low = scales[group % 8] >> (4 * (group / 8)) & 15;
        let high = scales[8 + group % 4] >> (2 * (group / 4)) & 3;
        let scale = d * (f32::from(low | high << 4) - 32.0);
        let l = 16 * (group % 2);
        let (q, third) = (&block[32 + 32 * half + l..][..16], &block[l..][..16]);
        for ((x, q), third) in numbers.iter_mut().zip(q).zip(third) {
            let q = q >> (2 * j) & 3 | (third >> k & 1) << 2;
            *x = scale * (f32::from(q) - 4.0);
        }
    }
    [d, 0.0]
}

/// The scale and the smallest value of group `j`, six bits each, from the 12 bytes of Q4_K and Q5_K.
///
/// ```text
/// bytes 0 to 3     low six bits: the scales of groups 0 to 3             high two bits: those of the scales of groups 4 to 7
/// bytes 4 to 7     low six bits: the smallest values of groups 0 to 3    high two bits: those of groups 4 to 7
/// bytes 8 to 11    low half: the low four bits of the scales of groups 4 to 7    high half: of the smallest values
/// ```
#[inline(always)]
fn scale_and_smallest(bytes: &[u8], j: usize) -> (f32, f32) {
    let (scale, smallest) = if j < 4 {
        (bytes[j] & 63, bytes[4 + j] & 63)
    } else {
        (bytes[4 + j] & 15 | bytes[j - 4] >> 6 << 4, bytes[4 + j] >> 4 | bytes[j] >> 6 << 4)
    };
    (f32::from(scale), f32::from(smallest))
}

/// `d, dmin, scales[12], q[128]`. Byte `32 * pair + l` of `q` has number `64 * pair + l` in its low half and number
/// `64 * pair + 32 + l` in its high half; `x = d * scale * q - dmin * smallest`.
#[inline(always)]
fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) -> [f32; 2] {
    let (d, dmin) = (f16(block, 0), f16(block, 2));
    for (j, numbers) in out.chunks_exact_mut(32).enumerate() {
        let (scale, smallest) = scale_and_smallest(&block[4..16], j);
        let (scale, smallest) = (d * scale, dmin * smallest);
        for (x, q) in numbers.iter_mut().zip(&block[16 + 32 * (j / 2)..][..32]) {
            *x = scale * f32::from(q >> (4 * (j % 2)) & 15) - smallest;
        }
    }
    [d, dmin]
}

/// `d, dmin, scales[12], high[32], q[128]`. Four bits of each number as in Q4_K; the fifth of number `32 * j + l` is bit `j` of
/// byte `l` of `high`; `x = d * scale * q - dmin * smallest`.
#[inline(always)]
fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) -> [f32; 2] {
    let (d, dmin) = (f16(block, 0), f16(block, 2));
    for (j, numbers) in out.chunks_exact_mut(32).enumerate() {
        let (scale, smallest) = scale_and_smallest(&block[4..16], j);
        let (scale, smallest) = (d * scale, dmin * smallest);
        let (q, high) = (&block[48 + 32 * (j / 2)..][..32], &block[16..48]);
        for ((x, q), high) in numbers.iter_mut().zip(q).zip(high) {
            let q = q >> (4 * (j % 2)) & 15 | (high >> j & 1) << 4;
            *x = scale * f32::from(q) - smallest;
        }
    }
    [d, dmin]
}

/// `q[128], high[64], scales[16], d`, with scales from -128 to 127. Number `128 * half + 32 * j + l` has its low four bits in
/// byte `64 * half + 32 * (j % 2) + l` of `q`, for `j` of 2 and 3 in the high half of it, and its high two bits in byte
/// `32 * half + l` of `high`, where it is the `j`-th of four; `x = d * scale * (q - 32)`.
#[inline(always)]
fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) -> [f32; 2] {
    let d = f16(block, 208);
    for (group, numbers) in out.chunks_exact_mut(16).enumerate() {
        let (half, j, l) = (group / 8, group % 8 / 2, 16 * (group % 2));
        let scale = d * f32::from(block[192 + group] as i8);
        let q = &block[64 * half + 32 * (j % 2) + l..][..16];
        let high = &block[128 + 32 * half + l..][..16];
        for ((x, q), high) in numbers.iter_mut().zip(q).zip(high) {
            let q = q >> (4 * (j / 2)) & 15 | (high >> (2 * j) & 3) << 4;
            *x = scale * (f32::from(q) - 32.0);
        }
    }
    [d, 0.0]
}

/// The largest number that Q8_0 can keep: its scale must not be above 65504, the largest number of 16 bits.
pub(in crate::checkpoint) const LARGEST_IN_Q8_0: f32 = 127.0 * 65504.0;

/// Numbers to blocks of Q8_0, appended to `out`: the scale makes the largest of a block 127 steps, and each number becomes the
/// nearest step. Numbers that do not fill a block are left out.
///
/// The division is by the scale before it is rounded to 16 bits, as the reference does it.
pub(in crate::checkpoint) fn encode_q8_0(numbers: &[f32], out: &mut Vec<u8>) {
    for block in numbers.as_chunks::<32>().0 {
        let largest = block.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let d = largest / 127.0;
        let steps_per_one = if d == 0.0 { 0.0 } else { 1.0 / d };
        out.extend_from_slice(&F16::nearest(d).0.to_le_bytes());
        out.extend(block.iter().map(|x| (x * steps_per_one).round() as i8 as u8));
    }
}

#[cfg(test)]
mod tests;
