/**
 * Where the key lies in the records a dictionary points to. One class serves all layouts: the differences are integers, so
 * the code that compares keys has one shape and stays fast.
 *
 * Keyspace records have optional fields between header and key, announced by flag bits in their first word; for the
 * other layouts the masks of those bits are 0.
 */

export interface DictionaryLayout {
  /** Word of the record that holds the key's length. */
  readonly lengthWord: number;
  /** The bits of that word to compare. */
  readonly lengthMask: number;
  /** Byte at which the key starts when no optional field is there. */
  readonly keyByte: number;
  /** 8 where an expiry time may come before the key, else 0. */
  readonly expiryBytes: number;
  /** 4 where a wide key length may come before the key, else 0. */
  readonly wideKeyBytes: number;
}

const WHOLE_WORD = -1;

/** First word of a keyspace record: key length (16 bits), type and encoding (8), flags (8). */
export const RECORD_EXPIRY_FLAG = 0x01000000;
export const RECORD_WIDE_KEY_FLAG = 0x02000000;
export const RECORD_KEY_LENGTH_MASK = 0xffff;
/** Takes the expiry flag to 8, the size of the field. */
export const RECORD_EXPIRY_SHIFT = 21;
/** Takes the wide key flag to 4, the size of the field. */
export const RECORD_WIDE_KEY_SHIFT = 23;

export const KEYSPACE_LAYOUT: DictionaryLayout = {
  lengthWord: 0,
  lengthMask: RECORD_KEY_LENGTH_MASK | RECORD_WIDE_KEY_FLAG,
  keyByte: 12,
  expiryBytes: 8,
  wideKeyBytes: 4,
};

/** `u32 length, member` */
export const SET_MEMBER_LAYOUT: DictionaryLayout = {
  lengthWord: 0,
  lengthMask: WHOLE_WORD,
  keyByte: 4,
  expiryBytes: 0,
  wideKeyBytes: 0,
};

/** In the field length of a hash's record: eight bytes of expiry time follow the value. No field is as long as this. */
export const FIELD_EXPIRY_FLAG = 0x40000000;
export const FIELD_LENGTH_MASK = 0x3fffffff;

/** `u32 field length and flag, u32 value length, field, value, [f64 expiry time]` */
export const HASH_FIELD_LAYOUT: DictionaryLayout = {
  lengthWord: 0,
  lengthMask: FIELD_LENGTH_MASK,
  keyByte: 8,
  expiryBytes: 0,
  wideKeyBytes: 0,
};

/** `f64 score, u32 length, member` */
export const SORTED_SET_MEMBER_LAYOUT: DictionaryLayout = {
  lengthWord: 2,
  lengthMask: WHOLE_WORD,
  keyByte: 12,
  expiryBytes: 0,
  wideKeyBytes: 0,
};
