//! Bytes that you can see: GPT-2's printable symbol for each of the 256 bytes.
//!
//! Every text is a sequence of bytes (UTF-8), so a vocabulary that starts from the 256 bytes can spell any text:
//! nothing is ever unknown. But vocabularies are kept in text files, and many bytes cannot be shown there: a space
//! would be taken for a separator, a line feed would end the line, and the byte 0xC3 alone is not a character at all.
//!
//! That is why GPT-2 gives every byte a symbol of its own. The 188 bytes that Latin-1 shows as a visible character
//! stand for themselves. The other 68, in order, take the characters from U+0100 on: byte 0 is `Ā`, the line feed (10)
//! is `Ċ`, and the space (32) is `Ġ`, which you see everywhere: `Ġthe` is the token " the".
//!
//! Source: the `bytes_to_unicode` table that OpenAI published with GPT-2 (Radford et al. 2019, section 2.2).

/// The printable symbol of a byte.
///
/// # Example: what a space looks like in a vocabulary
///
/// ```
/// use gpt60::tokenizer::byte_to_symbol;
///
/// assert_eq!(byte_to_symbol(b'a'), 'a');
/// assert_eq!(byte_to_symbol(b' '), 'Ġ');
/// assert_eq!(byte_to_symbol(b'\n'), 'Ċ');
/// ```
pub fn byte_to_symbol(byte: u8) -> char {
    // The 68 bytes without a visible character are three runs: 33 from 0, 34 from 127, and 173 (the soft hyphen) alone.
    let n = match byte {
        0..=32 => byte,
        127..=160 => byte - 127 + 33,
        173 => 33 + 34,
        _ => return char::from(byte),
    };
    char::from_u32(0x100 + u32::from(n)).expect("U+0100 to U+0143 are characters")
}

/// The byte that a printable symbol stands for, or `None` if it stands for none.
///
/// # Example: there and back
///
/// ```
/// use gpt60::tokenizer::{byte_to_symbol, symbol_to_byte};
///
/// assert_eq!(symbol_to_byte(byte_to_symbol(200)), Some(200));
/// assert_eq!(symbol_to_byte(' '), None); // a space is written Ġ
/// ```
pub fn symbol_to_byte(symbol: char) -> Option<u8> {
    let byte = match u32::from(symbol) {
        c @ 0x100..=0x120 => c - 0x100,
        c @ 0x121..=0x142 => c - 0x121 + 127,
        0x143 => 173,
        c @ (33..=126 | 161..=172 | 174..=255) => c,
        _ => return None,
    };
    Some(byte as u8) // every arm above is below 256
}

/// The bytes in the order of their ids in GPT-2: first those that stand for themselves, then the other 68.
pub(super) fn bytes_in_gpt2_order() -> Vec<u8> {
    let stands_for_itself = |&byte: &u8| byte_to_symbol(byte) == char::from(byte);
    let (visible, hidden): (Vec<u8>, Vec<u8>) = (0..=255).partition(stands_for_itself);
    [visible, hidden].concat()
}

/// Bytes as a string of symbols.
pub(super) fn bytes_to_symbols(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| byte_to_symbol(byte)).collect()
}

/// A string of symbols as bytes, or the first character that is not a symbol.
pub(super) fn symbols_to_bytes(symbols: &str) -> std::result::Result<Vec<u8>, char> {
    symbols.chars().map(|symbol| symbol_to_byte(symbol).ok_or(symbol)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_visible_symbol_and_comes_back_from_it() {
        let mut symbols: Vec<char> = (0..=255).map(byte_to_symbol).collect();
        assert!(symbols.iter().all(|symbol| !symbol.is_whitespace() && !symbol.is_control()));
        assert!((0..=255).all(|byte| symbol_to_byte(byte_to_symbol(byte)) == Some(byte)));
        symbols.sort();
        symbols.dedup();
        assert_eq!(symbols.len(), 256);
    }

    #[test]
    fn no_other_character_is_a_symbol() {
        let symbols = (0..=0x10FFFF).filter_map(char::from_u32).filter(|&c| symbol_to_byte(c).is_some());
        assert_eq!(symbols.count(), 256);
    }

    #[test]
    fn the_hidden_bytes_take_the_characters_from_u_0100_on_in_order() {
        let order = bytes_in_gpt2_order();
        assert_eq!(order.len(), 256);
        assert_eq!(order[0], b'!'); // id 0 of GPT-2 is "!"
        let hidden: String = order[188..].iter().map(|&byte| byte_to_symbol(byte)).collect();
        let expected: String = ('\u{100}'..='\u{143}').collect();
        assert_eq!(hidden, expected);
    }
}
