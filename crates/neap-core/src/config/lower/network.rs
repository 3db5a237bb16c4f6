//! CIDRs in the one form that AWS keeps.
//!
//! Decides what is a CIDR. Must not know where it stands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a text is as a CIDR.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cidr {
    /// A CIDR, as AWS writes it.
    Valid(String),
    /// It has bits outside its mask; this is what was probably meant.
    Unmasked(String),
    /// It is none.
    Invalid,
}

/// Reads `text` as a CIDR.
pub(super) fn cidr(text: &str) -> Cidr {
    let Some((address, length)) = text.split_once('/') else { return Cidr::Invalid };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u32>()) else {
        return Cidr::Invalid;
    };
    let masked = match address {
        IpAddr::V4(address) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => return Cidr::Invalid,
    };
    let canonical = format!("{masked}/{length}");
    if masked == address { Cidr::Valid(canonical) } else { Cidr::Unmasked(canonical) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Cidr) {
        assert_eq!(&cidr(text), expected, "{text}");
    }

    #[test]
    fn cidrs_are_read_and_written_as_aws_does() {
        check("0.0.0.0/0", &Cidr::Valid("0.0.0.0/0".into()));
        check("10.0.0.0/8", &Cidr::Valid("10.0.0.0/8".into()));
        check("::/0", &Cidr::Valid("::/0".into()));
        check("2001:DB8:0::/32", &Cidr::Valid("2001:db8::/32".into()));
        check("10.0.0.1/8", &Cidr::Unmasked("10.0.0.0/8".into()));
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/", "10.0.0.0/-1"] {
            check(text, &Cidr::Invalid);
        }
    }
}
