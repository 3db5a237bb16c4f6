//! Blocks of IPv4 addresses: what lies in which, and how one is divided.
//!
//! Decides by numbers alone. Must not know whose the blocks are.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A block of IPv4 addresses, as `10.0.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    first: u32,
    length: u8,
}

/// A text that is no block of IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBlock {
    /// It is none at all.
    Malformed,
    /// Its address has bits outside of the mask; this is the block that holds it.
    Unmasked(Block),
}

impl Block {
    /// How many leading bits all addresses of the block have in common, 0 to 32.
    pub const fn length(self) -> u8 {
        self.length
    }

    const fn mask(length: u8) -> u32 {
        match u32::MAX.checked_shl(32 - length as u32) {
            Some(mask) => mask,
            None => 0,
        }
    }

    /// Whether every address of `other` is one of this block's.
    pub const fn contains(self, other: Self) -> bool {
        self.length <= other.length && other.first & Self::mask(self.length) == self.first
    }

    /// Whether an interface in a subnet with this block can have `address`: AWS keeps the first four and the last ("Subnet CIDR
    /// blocks").
    pub fn gives(self, address: Ipv4Addr) -> bool {
        let last = self.first | !Self::mask(self.length);
        address.to_bits().checked_sub(self.first).is_some_and(|at| at >= 4) && address.to_bits() < last
    }

    /// Whether any address is in both.
    pub const fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Whether any address of it is one that no host in a network can have: those of "this network", loopback, link-local and
    /// multicast ("Special-Purpose IP Address Registries", RFC 6890, and RFC 5771).
    pub fn is_reserved(self) -> bool {
        let reserved = [([0, 0], 8), ([127, 0], 8), ([169, 254], 16), ([224, 0], 4)];
        let mut blocks = reserved
            .map(|([one, two], length)| Self { first: Ipv4Addr::new(one, two, 0, 0).to_bits(), length })
            .into_iter();
        blocks.any(|block| block.overlaps(self))
    }

    /// The part number `index`, from 0, of this block divided into blocks of `length`; nothing if there are not so many.
    pub fn part(self, length: u8, index: u32) -> Option<Self> {
        let deeper = length.checked_sub(self.length).filter(|_| length <= 32)?;
        if u64::from(index) >= 1 << deeper {
            return None;
        }
        let offset = index.checked_shl(32 - u32::from(length)).unwrap_or(0);
        Some(Self { first: self.first | offset, length })
    }
}

/// Whether any address is in the blocks of both texts. What is no block may hold any.
pub fn overlap(one: &str, other: &str) -> bool {
    match (one.parse::<Block>(), other.parse()) {
        (Ok(one), Ok(other)) => one.overlaps(other),
        _ => true,
    }
}

impl FromStr for Block {
    type Err = NoBlock;

    fn from_str(text: &str) -> Result<Self, NoBlock> {
        let (address, length) = text.split_once('/').ok_or(NoBlock::Malformed)?;
        let address: Ipv4Addr = address.parse().map_err(|_| NoBlock::Malformed)?;
        let plain = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length = length.parse().ok().filter(|length: &u8| plain && *length <= 32);
        let length = length.ok_or(NoBlock::Malformed)?;
        let block = Self { first: address.to_bits() & Self::mask(length), length };
        if block.first == address.to_bits() { Ok(block) } else { Err(NoBlock::Unmasked(block)) }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", Ipv4Addr::from_bits(self.first), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        text.parse().expect(text)
    }

    #[test]
    fn a_block_reads_back_as_it_is_written() {
        for text in ["10.0.0.0/16", "0.0.0.0/0", "192.168.1.255/32"] {
            assert_eq!(block(text).to_string(), text);
        }
        assert_eq!("10.0.1.0/16".parse::<Block>(), Err(NoBlock::Unmasked(block("10.0.0.0/16"))));
        for text in ["", "10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/", "::/0"] {
            assert_eq!(text.parse::<Block>(), Err(NoBlock::Malformed), "{text}");
        }
    }

    #[track_caller]
    fn check(one: &str, other: &str, contains: bool, overlaps: bool) {
        let (one, other) = (block(one), block(other));
        assert_eq!((one.contains(other), one.overlaps(other)), (contains, overlaps), "{one} {other}");
        assert_eq!(other.overlaps(one), overlaps, "{other} {one}");
    }

    #[test]
    fn blocks_lie_in_each_other_or_apart() {
        check("10.0.0.0/16", "10.0.255.0/24", true, true);
        check("10.0.255.0/24", "10.0.0.0/16", false, true);
        check("10.0.0.0/16", "10.0.0.0/16", true, true);
        check("10.0.0.0/16", "10.1.0.0/16", false, false);
        check("0.0.0.0/0", "255.255.255.255/32", true, true);
        for text in ["0.0.0.0/16", "127.3.0.0/16", "169.254.0.0/16", "224.0.0.0/16", "239.255.0.0/16"] {
            assert!(block(text).is_reserved(), "{text}");
        }
        for text in ["10.0.0.0/16", "169.253.0.0/16", "100.64.0.0/16", "172.31.0.0/16"] {
            assert!(!block(text).is_reserved(), "{text}");
        }
        assert!(overlap("10.0.0.0/16", "10.0.1.0/24") && !overlap("10.0.0.0/24", "10.0.1.0/24"));
        assert!(overlap("10.0.0.0/16", "unknown"));
    }

    #[test]
    fn a_subnet_gives_all_addresses_but_the_first_four_and_the_last() {
        let gives = |address: &str| block("10.0.1.0/24").gives(address.parse().expect(address));
        for address in ["10.0.1.4", "10.0.1.254"] {
            assert!(gives(address), "{address}");
        }
        for address in ["10.0.0.9", "10.0.1.0", "10.0.1.3", "10.0.1.255", "10.0.2.4"] {
            assert!(!gives(address), "{address}");
        }
    }

    #[track_caller]
    fn check_part(whole: &str, length: u8, index: u32, expected: Option<&str>) {
        assert_eq!(block(whole).part(length, index), expected.map(block), "{whole} /{length} {index}");
    }

    #[test]
    fn a_block_is_divided_from_its_start() {
        check_part("10.0.0.0/16", 20, 0, Some("10.0.0.0/20"));
        check_part("10.0.0.0/16", 20, 8, Some("10.0.128.0/20"));
        check_part("10.0.0.0/16", 20, 15, Some("10.0.240.0/20"));
        check_part("10.0.0.0/16", 20, 16, None);
        check_part("10.0.0.0/16", 16, 0, Some("10.0.0.0/16"));
        check_part("10.0.0.0/16", 15, 0, None);
        check_part("10.0.0.0/16", 33, 0, None);
        check_part("0.0.0.0/0", 32, u32::MAX, Some("255.255.255.255/32"));
    }
}
