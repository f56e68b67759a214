"""Numerical linear algebra and convex solvers: Lanczos, FISTA, an interior point method, the dual of an SVM."""
