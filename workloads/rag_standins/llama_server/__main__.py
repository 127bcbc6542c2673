"""`python -m rag_standins.llama_server -m FILE.gguf ...`: serve until SIGTERM or SIGINT."""

import signal
import sys

import xllamacpp

from rag_standins.llama_server.options import Options, parse_options

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def main() -> None:
    """Load the model, serve, and stop cleanly when told to."""
    options = parse_options(sys.argv[1:])
    # Blocked before the server starts its threads, which inherit the mask: only sigwait takes the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    server = xllamacpp.Server(_params(options))
    signal.sigwait(STOP_SIGNALS)
    del server  # its destructor ends the running requests and joins the threads


def _params(options: Options) -> xllamacpp.CommonParams:
    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.hostnames = [options.host]
    params.port = options.port
    params.n_ctx = options.ctx_size
    params.n_parallel = options.parallel
    params.endpoint_metrics = options.metrics
    if options.threads:
        params.cpuparams.n_threads = options.threads
    if options.alias:
        params.model_alias = {options.alias}
    return params


if __name__ == "__main__":
    main()
