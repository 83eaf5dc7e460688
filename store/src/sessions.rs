//! tower-sessions kept in the database. (The published sqlx store wants an older sqlx.)
