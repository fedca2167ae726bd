//! Decimal numbers of any length, so that `addf 0.1 0.2` is 0.3.

use std::cmp::Ordering;

use super::arguments::failure;
use crate::FunctionError;

/// Digits after the point of a quotient.
const DIVISION_PLACES: i32 = 16;

/// The most digits of an intermediate result: a template is untrusted, and long multiplication is quadratic.
const MOST_DIGITS: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

impl Sign {
    fn times(self, other: Self) -> Self {
        if self == other { Self::Plus } else { Self::Minus }
    }
}

/// A decimal number: an integer times a power of ten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    sign: Sign,
    /// Digits, the least significant one first, without zeros at the top.
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    /// Returns the shortest decimal that reads back as a float.
    ///
    /// # Errors
    /// The float is infinite or no number.
    pub(super) fn of(number: f64) -> Result<Self, FunctionError> {
        if !number.is_finite() {
            return Err(failure(format!("cannot create a decimal from {number}")));
        }
        let scientific = format!("{:e}", number.abs());
        let (digits, exponent) =
            scientific.split_once('e').expect("because `{:e}` writes an exponent");
        let exponent: i32 = exponent.parse().expect("because `{:e}` writes a number after the e");
        let fraction = digits.split_once('.').map_or(0, |(_, it)| it.len());
        let fraction = i32::try_from(fraction).expect("because a float has few digits");
        let digits = digits.bytes().rev().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
        let sign = if number.is_sign_negative() { Sign::Minus } else { Sign::Plus };
        Self::new(sign, digits, exponent - fraction)
    }

    fn new(sign: Sign, mut digits: Vec<u8>, exponent: i32) -> Result<Self, FunctionError> {
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.len() > MOST_DIGITS {
            return Err(failure(format!("needs more than {MOST_DIGITS} digits")));
        }
        Ok(Self { sign, digits, exponent })
    }

    /// Returns the nearest float.
    pub(super) fn to_float(&self) -> f64 {
        let mut text = String::from(if self.sign == Sign::Minus { "-0" } else { "0" });
        text.extend(self.digits.iter().rev().map(|digit| char::from(b'0' + digit)));
        let text = format!("{text}e{}", self.exponent);
        let number: f64 = text.parse().expect("because it is written as a float");
        // Integers know no negative zero.
        if self.digits.is_empty() { 0.0 } else { number }
    }

    pub(super) fn plus(&self, other: &Self) -> Result<Self, FunctionError> {
        let exponent = self.exponent.min(other.exponent);
        let (left, right) = (self.at(exponent)?, other.at(exponent)?);
        if self.sign == other.sign {
            return Self::new(self.sign, add(&left, &right), exponent);
        }
        match compare(&left, &right) {
            Ordering::Less => Self::new(other.sign, subtract(&right, &left), exponent),
            Ordering::Equal | Ordering::Greater => {
                Self::new(self.sign, subtract(&left, &right), exponent)
            }
        }
    }

    pub(super) fn minus(&self, other: &Self) -> Result<Self, FunctionError> {
        self.plus(&Self { sign: other.sign.times(Sign::Minus), ..other.clone() })
    }

    pub(super) fn times(&self, other: &Self) -> Result<Self, FunctionError> {
        let mut product = vec![0_u8; self.digits.len() + other.digits.len()];
        for (i, a) in self.digits.iter().enumerate() {
            let mut carry = 0;
            for (j, b) in other.digits.iter().enumerate() {
                let sum = product[i + j] + a * b + carry;
                product[i + j] = sum % 10;
                carry = sum / 10;
            }
            product[i + other.digits.len()] = carry;
        }
        let exponent = self.exponent.saturating_add(other.exponent);
        Self::new(self.sign.times(other.sign), product, exponent)
    }

    /// Divides, rounding half away from zero at 16 places.
    pub(super) fn over(&self, other: &Self) -> Result<Self, FunctionError> {
        if other.digits.is_empty() {
            return Err(failure("decimal division by 0"));
        }
        // Both sides are scaled so that the integer quotient is the answer in units of 1e-16.
        let scale = self.exponent.saturating_sub(other.exponent).saturating_add(DIVISION_PLACES);
        let shift = usize::try_from(scale.unsigned_abs()).unwrap_or(usize::MAX);
        let (dividend, divisor) = if scale >= 0 {
            (shifted(&self.digits, shift)?, other.digits.clone())
        } else {
            (self.digits.clone(), shifted(&other.digits, shift)?)
        };
        let quotient = divide_rounding(&dividend, &divisor);
        Self::new(self.sign.times(other.sign), quotient, -DIVISION_PLACES)
    }

    /// Returns the digits of the number in units of a smaller power of ten.
    fn at(&self, exponent: i32) -> Result<Vec<u8>, FunctionError> {
        let zeros = usize::try_from(self.exponent.saturating_sub(exponent)).unwrap_or(0);
        shifted(&self.digits, zeros)
    }
}

fn shifted(digits: &[u8], zeros: usize) -> Result<Vec<u8>, FunctionError> {
    if digits.is_empty() {
        return Ok(vec![]);
    }
    if zeros > MOST_DIGITS {
        return Err(failure(format!("needs more than {MOST_DIGITS} digits")));
    }
    Ok([&vec![0; zeros][..], digits].concat())
}

fn compare(left: &[u8], right: &[u8]) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.iter().rev().cmp(right.iter().rev()))
}

fn add(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum: Vec<u8> = (0..left.len().max(right.len()))
        .map(|at| {
            let digit = left.get(at).unwrap_or(&0) + right.get(at).unwrap_or(&0) + carry;
            carry = digit / 10;
            digit % 10
        })
        .collect();
    sum.push(carry);
    sum
}

/// Subtracts a number that is not larger.
fn subtract(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference: Vec<u8> = left
        .iter()
        .enumerate()
        .map(|(at, digit)| {
            let taken = right.get(at).unwrap_or(&0) + borrow;
            borrow = u8::from(*digit < taken);
            digit + 10 * borrow - taken
        })
        .collect();
    while difference.last() == Some(&0) {
        difference.pop();
    }
    difference
}

/// Long division, rounded half away from zero.
fn divide_rounding(dividend: &[u8], divisor: &[u8]) -> Vec<u8> {
    let mut rest: Vec<u8> = vec![];
    let mut quotient: Vec<u8> = dividend
        .iter()
        .rev()
        .map(|digit| {
            rest.insert(0, *digit);
            while rest.last() == Some(&0) {
                rest.pop();
            }
            let mut times = 0;
            while compare(&rest, divisor) != Ordering::Less {
                rest = subtract(&rest, divisor);
                times += 1;
            }
            times
        })
        .collect();
    quotient.reverse();
    if compare(&add_trimmed(&rest), divisor) == Ordering::Less {
        return quotient;
    }
    add(&quotient, &[1])
}

fn add_trimmed(rest: &[u8]) -> Vec<u8> {
    let mut double = add(rest, rest);
    while double.last() == Some(&0) {
        double.pop();
    }
    double
}
