"""The file of a company: filled once, from its SIRET alone where a provider knows the rest; used for every bid."""
