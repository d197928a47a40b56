//! Passwords: hashed by Argon2id, so that who reads the store cannot log in.

use std::sync::OnceLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use dnlb_api::{ApiError, shape::Password};
use dnlb_model::Secret;

/// Hashes a new password.
///
/// # Errors
/// 400 for one that is too short or too long.
///
/// # Cost
/// 19 MiB and some dozen milliseconds, on purpose.
pub fn hash(password: &str) -> Result<Secret, ApiError> {
    let length = password.chars().count();
    if !Password::LENGTH.contains(&length) {
        return Err(ApiError::invalid(format!(
            "the password has {length} characters: {} to {} are allowed",
            Password::LENGTH.start(),
            Password::LENGTH.end()
        )));
    }
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| ApiError::internal())?;
    Ok(Secret(hash.to_string()))
}

/// Whether a password is that of a hash. Without a hash it takes as long and says no.
#[must_use]
pub fn verify(password: &str, hash: Option<&Secret>) -> bool {
    static NOBODYS: OnceLock<Option<Secret>> = OnceLock::new();
    let known = hash.is_some();
    let Some(hash) = hash.or_else(|| NOBODYS.get_or_init(|| self::hash("nobody's password").ok()).as_ref())
    else {
        return false;
    };
    let parsed = PasswordHash::new(&hash.0);
    let right =
        parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    known && right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_only() {
        let one = hash("correct horse").unwrap();
        assert!(verify("correct horse", Some(&one)) && !verify("correct horsf", Some(&one)));
        assert!(one.0.starts_with("$argon2id$") && !one.0.contains("horse"));
        assert_ne!(hash("correct horse").unwrap(), one, "each has a salt of its own");
        assert!(!verify("nobody's password", None));
        assert!(!verify("correct horse", Some(&Secret("no hash".into()))));
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert_eq!(hash("123456789").unwrap_err().code, 400);
        hash("1234567890").unwrap();
        hash(&"x".repeat(128)).unwrap();
        assert_eq!(hash(&"x".repeat(129)).unwrap_err().code, 400);
    }
}
