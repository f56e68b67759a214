"""Problems of applications, made from physical data."""
