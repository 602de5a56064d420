"""The structure of each disk format, read without trusting it: is all of it there, and nothing outside?"""
