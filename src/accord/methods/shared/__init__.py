"""Local work and sums that several methods share."""
