//! Reading the data of a page, as its own program does in a browser.

use gpt60::checkpoint::Json;
use gpt60::float16;

pub const DATA: &str = "<script type=\"application/json\" id=\"data\">";

/// The text between the page's tags for data, as a browser finds it.
pub fn data_text(page: &str) -> &str {
    let data = page.split(DATA).nth(1).expect("the page has data");
    data.split("</script>").next().unwrap()
}

pub fn data_of(page: &str) -> Json {
    Json::parse(data_text(page)).unwrap()
}

/// Base64 by the book: RFC 4648, section 4.
fn bytes_of(letters: &Json) -> Vec<u8> {
    let six = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} is not a letter of base64"),
    };
    let mut bytes = Vec::new();
    for four in letters.as_str().unwrap().as_bytes().chunks(4) {
        assert_eq!(four.len(), 4);
        let n = four.iter().take_while(|&&letter| letter != b'=').count();
        let bits = four[..n].iter().fold(0u32, |bits, &letter| bits << 6 | u32::from(six(letter))) << (6 * (4 - n));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..n]);
    }
    bytes
}

/// The numbers of an array of the page.
pub fn f16s(letters: &Json) -> Vec<f32> {
    bytes_of(letters).chunks(2).map(|two| float16::F16(u16::from_le_bytes([two[0], two[1]])).value()).collect()
}

/// The numbers of a parameter of the live page: f16, or whole numbers times the scale of their row or column.
pub fn numbers_of(parameter: &Json) -> Vec<f32> {
    if let Some(letters) = parameter.get("f16") {
        return f16s(letters);
    }
    let n_cols = parameter.get("shape").unwrap().as_array().unwrap()[1].as_usize().unwrap();
    let whole = bytes_of(parameter.get("int8").unwrap());
    let (scales, by_row) = match parameter.get("row_scales") {
        Some(letters) => (f32s(letters), true),
        None => (f32s(parameter.get("column_scales").unwrap()), false),
    };
    let scale = |i: usize| scales[if by_row { i / n_cols } else { i % n_cols }];
    whole.iter().enumerate().map(|(i, &byte)| f32::from(byte.cast_signed()) * scale(i)).collect()
}

pub fn f32s(letters: &Json) -> Vec<f32> {
    bytes_of(letters).chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

pub fn ids_of(data: &Json) -> Vec<u32> {
    data.get("ids").unwrap().as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect()
}

pub fn number(data: &Json, key: &str) -> usize {
    data.get(key).and_then(Json::as_usize).unwrap_or_else(|| panic!("{key}"))
}
