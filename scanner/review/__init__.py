"""`scanner review`: a page on this machine's loopback on which a person judges findings in their context.

Text is read from the shards when it is shown, and written nowhere; what is kept are places and judgements.
"""
