"""The Hugging Face Hub: what is asked of it, and how many downloads may begin."""
