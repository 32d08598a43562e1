"""Run state machines in Amazon States Language.

Source: Amazon States Language, states-language.net; AWS Step Functions Developer Guide.
"""
