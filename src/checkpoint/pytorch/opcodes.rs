//! The opcodes of a pickle: the few that a file of weights needs, and the names of the others, for refusals.

/// The opcodes that are carried out here, as PyTorch writes them.
pub(super) mod known {
    pub const PROTO: u8 = 0x80;
    pub const GLOBAL: u8 = b'c';
    pub const BINPUT: u8 = b'q';
    pub const LONG_BINPUT: u8 = b'r';
    pub const BINGET: u8 = b'h';
    pub const LONG_BINGET: u8 = b'j';
    pub const MARK: u8 = b'(';
    pub const EMPTY_TUPLE: u8 = b')';
    pub const TUPLE: u8 = b't';
    pub const TUPLE1: u8 = 0x85;
    pub const TUPLE2: u8 = 0x86;
    pub const TUPLE3: u8 = 0x87;
    pub const EMPTY_LIST: u8 = b']';
    pub const APPEND: u8 = b'a';
    pub const APPENDS: u8 = b'e';
    pub const EMPTY_DICT: u8 = b'}';
    pub const SETITEM: u8 = b's';
    pub const SETITEMS: u8 = b'u';
    pub const BINUNICODE: u8 = b'X';
    pub const BININT1: u8 = b'K';
    pub const BININT2: u8 = b'M';
    pub const BININT: u8 = b'J';
    pub const LONG1: u8 = 0x8A;
    pub const BINFLOAT: u8 = b'G';
    pub const NEWTRUE: u8 = 0x88;
    pub const NEWFALSE: u8 = 0x89;
    pub const NONE: u8 = b'N';
    pub const BINPERSID: u8 = b'Q';
    pub const REDUCE: u8 = b'R';
    pub const BUILD: u8 = b'b';
    pub const STOP: u8 = b'.';
}

/// Every opcode of Python's pickles, by its byte.
const NAMES: [(u8, &str); 68] = [
    (known::PROTO, "PROTO"),
    (known::GLOBAL, "GLOBAL"),
    (known::BINPUT, "BINPUT"),
    (known::LONG_BINPUT, "LONG_BINPUT"),
    (known::BINGET, "BINGET"),
    (known::LONG_BINGET, "LONG_BINGET"),
    (known::MARK, "MARK"),
    (known::EMPTY_TUPLE, "EMPTY_TUPLE"),
    (known::TUPLE, "TUPLE"),
    (known::TUPLE1, "TUPLE1"),
    (known::TUPLE2, "TUPLE2"),
    (known::TUPLE3, "TUPLE3"),
    (known::EMPTY_LIST, "EMPTY_LIST"),
    (known::APPEND, "APPEND"),
    (known::APPENDS, "APPENDS"),
    (known::EMPTY_DICT, "EMPTY_DICT"),
    (known::SETITEM, "SETITEM"),
    (known::SETITEMS, "SETITEMS"),
    (known::BINUNICODE, "BINUNICODE"),
    (known::BININT1, "BININT1"),
    (known::BININT2, "BININT2"),
    (known::BININT, "BININT"),
    (known::LONG1, "LONG1"),
    (known::BINFLOAT, "BINFLOAT"),
    (known::NEWTRUE, "NEWTRUE"),
    (known::NEWFALSE, "NEWFALSE"),
    (known::NONE, "NONE"),
    (known::BINPERSID, "BINPERSID"),
    (known::REDUCE, "REDUCE"),
    (known::BUILD, "BUILD"),
    (known::STOP, "STOP"),
    (b'I', "INT"),
    (b'L', "LONG"),
    (0x8B, "LONG4"),
    (b'F', "FLOAT"),
    (b'S', "STRING"),
    (b'T', "BINSTRING"),
    (b'U', "SHORT_BINSTRING"),
    (b'V', "UNICODE"),
    (b'B', "BINBYTES"),
    (b'C', "SHORT_BINBYTES"),
    (b'0', "POP"),
    (b'1', "POP_MARK"),
    (b'2', "DUP"),
    (b'd', "DICT"),
    (b'l', "LIST"),
    (b'g', "GET"),
    (b'p', "PUT"),
    (b'i', "INST"),
    (b'o', "OBJ"),
    (b'P', "PERSID"),
    (0x81, "NEWOBJ"),
    (0x82, "EXT1"),
    (0x83, "EXT2"),
    (0x84, "EXT4"),
    (0x8C, "SHORT_BINUNICODE"),
    (0x8D, "BINUNICODE8"),
    (0x8E, "BINBYTES8"),
    (0x8F, "EMPTY_SET"),
    (0x90, "ADDITEMS"),
    (0x91, "FROZENSET"),
    (0x92, "NEWOBJ_EX"),
    (0x93, "STACK_GLOBAL"),
    (0x94, "MEMOIZE"),
    (0x95, "FRAME"),
    (0x96, "BYTEARRAY8"),
    (0x97, "NEXT_BUFFER"),
    (0x98, "READONLY_BUFFER"),
];

/// What an opcode is called.
pub(super) fn name(opcode: u8) -> String {
    match NAMES.iter().find(|(byte, _)| *byte == opcode) {
        Some((_, name)) => (*name).to_string(),
        None => format!("the byte {opcode:#04x}"),
    }
}
