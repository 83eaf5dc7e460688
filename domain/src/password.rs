/// The fewest characters a password may have.
pub const PASSWORD_CHARS: u32 = 12;

/// What is wrong with a new password, in words for the person who chose it; `Ok` when nothing is.
///
/// Length is what counts; besides that only the obvious is refused: the address itself, one repeated character.
pub fn password_problem(password: &str, email: &str) -> Result<(), &'static str> {
    let length = password.chars().count();
    let first = password.chars().next();
    if length < PASSWORD_CHARS as usize {
        Err("a password needs at least 12 characters; a few unrelated words make a good one")
    } else if length > 256 {
        Err("a password may have at most 256 characters")
    } else if password.chars().all(|letter| Some(letter) == first) {
        Err("a password of one repeated character is too easy to guess")
    } else if !email.is_empty() && password.eq_ignore_ascii_case(email.trim()) {
        Err("the password must not be the e-mail address")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::password_problem;

    #[test]
    fn only_short_endless_and_obvious_passwords_are_refused() {
        let long = "x1".repeat(200);
        let cases = [
            ("correct horse battery staple", true),
            ("elevenchars", false),
            ("twelve chars", true),
            ("aaaaaaaaaaaaaaaa", false),
            ("Owner@example.com", false),
            (long.as_str(), false),
            ("", false),
        ];
        for (password, fine) in cases {
            assert_eq!(password_problem(password, "owner@example.com").is_ok(), fine, "{password}");
        }
    }
}
