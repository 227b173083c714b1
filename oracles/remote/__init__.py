"""Oracles behind a network: a classifier that a server runs, and whose every answer may have a price.

Kinds: ``oip`` (the Open Inference Protocol: KServe, Triton, MLServer) and ``web_api`` (any other, by a
template).

Parts: ``endpoint`` (address, headers, secrets), ``client`` (retries, limits), ``grpc_transport`` (gRPC in
place of HTTP), ``answers`` (the ledger: every answer is kept), ``connection`` (what both kinds have in
common: images to answers), ``model_metadata`` (what ``oip`` is told of a model), ``template`` (where the
image stands in a request, and the scores in an answer), ``class_scores`` (answers to scores of all classes).
"""
