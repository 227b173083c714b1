"""Conformance: does a strategy keep its contract?"""
