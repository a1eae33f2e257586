"""Evidence turned into what people read: HTML, JUnit."""
