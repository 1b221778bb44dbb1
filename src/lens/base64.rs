//! Base64: bytes as plain letters, for places that take only text.
//!
//! A web page is text. To put a million numbers into it, you could write them out, like `-0.0173828125`, with twelve
//! letters each. As the two bytes of an `f16` in base64, they take less than three. Three bytes are 24 bits, and 24
//! bits are four times six. Every six bits become one of 64 letters that every program leaves alone.
//!
//! ```text
//! bytes       M          a          n
//! bits        01001101   01100001   01101110
//! in sixes    010011   010110   000101   101110
//! letters     T        W        F        u
//! ```
//!
//! If one or two bytes are left at the end, zeros fill up the last six bits, and `=` stands for each missing letter.
//!
//! Source: RFC 4648, section 4. A production program would use the `base64` crate.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

use crate::float16::F16;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as letters.
///
/// # Example: three bytes, then two
///
/// ```
/// use gpt60::lens::base64::encode;
///
/// assert_eq!(encode(b"Man"), "TWFu");
/// assert_eq!(encode(b"Ma"), "TWE=");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let six = bits >> (18 - 6 * i) & 0x3F;
            text.push(if i <= three.len() { char::from(LETTERS[six as usize]) } else { '=' });
        }
    }
    text
}

/// Numbers as `f16`, the low byte first, as letters: three digits of each are kept. What is too large for an `f16`
/// becomes the largest one (65504), because a picture has no use for infinity.
pub fn encode_f16(numbers: &[f32]) -> String {
    encode(&numbers.iter().flat_map(|&x| F16::nearest(x.clamp(-65504.0, 65504.0)).0.to_le_bytes()).collect::<Vec<u8>>())
}

/// Whole numbers from -128 to 127, one byte each, as letters. A negative one is written as 256 more.
pub fn encode_i8(numbers: &[f32]) -> String {
    encode(&numbers.iter().map(|&x| (x as i8).cast_unsigned()).collect::<Vec<u8>>())
}

/// Numbers as they are, four bytes each, the low byte first, as letters.
pub fn encode_f32(numbers: &[f32]) -> String {
    encode(&numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_come_out() {
        // RFC 4648, section 10.
        let examples = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, letters) in examples {
            assert_eq!(encode(bytes.as_bytes()), letters);
        }
        assert_eq!(encode(&[0xFF, 0xEF, 0xBE]), "/+++"); // the last two letters of the 64
    }

    #[test]
    fn numbers_are_written_with_the_low_byte_first() {
        // 1 is 0x3C00 as an f16 and 0x3F800000 as an f32; the largest f16 is 0x7BFF.
        assert_eq!(encode_f16(&[1.0, 1e9, f32::NEG_INFINITY]), encode(&[0x00, 0x3C, 0xFF, 0x7B, 0xFF, 0xFB]));
        assert_eq!(encode_f32(&[1.0]), encode(&[0x00, 0x00, 0x80, 0x3F]));
        assert_eq!(encode_i8(&[1.0, -1.0, -127.0, 0.0]), encode(&[0x01, 0xFF, 0x81, 0x00]));
    }
}
