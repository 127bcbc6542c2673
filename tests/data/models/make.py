"""Makes small models as sentence-transformers saves them, and records the vectors that it gives with them.

Run by hand where `sentence-transformers` is installed: `python make.py MINILM E5`, the folders of two real
models in its format, of which only the vectors are kept. Those here are of its release 6.2, in float32.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import Unigram, WordPiece
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

HERE = Path(__file__).parent
TEXTS = json.loads((HERE / "texts.json").read_text("utf-8"))
PROMPTS = {"query": "query: ", "passage": "passage: "}
WIDTH = 32
SMALL = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.3,
}


def wordpiece() -> PreTrainedTokenizerFast:
    """BERT's kind of tokenizer, in lower case."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=400, special_tokens=special))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=64, **names
    )


def unigram() -> PreTrainedTokenizerFast:
    """XLM-R's kind of tokenizer."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    words = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)
    trainer = trainers.UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>"}
    names |= {"bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


def small(name: str) -> SentenceTransformer:
    """One of the models of random weights."""
    torch.manual_seed(len(name))
    if name.startswith("bert"):
        tokenizer = wordpiece()
        encoder = BertModel(BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **SMALL))
    else:
        tokenizer = unigram()
        ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "layer_norm_eps": 1e-5}
        config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=66, **ids, **SMALL)
        encoder = XLMRobertaModel(config)
    with tempfile.TemporaryDirectory() as saved:
        encoder.save_pretrained(saved)
        tokenizer.save_pretrained(saved)
        transformer = modules.Transformer(saved, max_seq_length=24 if name == "bert-cls" else None)
    if name == "bert-cls":
        pooled = [modules.Pooling(WIDTH, "cls")]
        return SentenceTransformer(modules=[transformer, *pooled], device="cpu").half()
    pooled = [modules.Pooling(WIDTH, "mean"), modules.Normalize()]
    return SentenceTransformer(modules=[transformer, *pooled], prompts=PROMPTS, device="cpu")


def vectors(model: SentenceTransformer) -> dict[str, Any]:
    """Unit vectors of all texts, by the prompt before them."""
    names = [*model.prompts] if any(model.prompts.values()) else [None]
    options = {"normalize_embeddings": True, "batch_size": 4}
    return {name or "none": model.encode(TEXTS, prompt_name=name, **options) for name in names}


def main() -> None:
    """Write everything."""
    for name in ("bert-mean", "bert-cls", "xlmr-mean"):
        small(name).save(str(HERE / name), create_model_card=False)
        model = SentenceTransformer(str(HERE / name), device="cpu").float()
        np.savez_compressed(HERE / name / "vectors.npz", **vectors(model))
    for name, folder in zip(("minilm", "e5small"), sys.argv[1:], strict=False):
        np.savez_compressed(HERE / f"{name}.npz", **vectors(SentenceTransformer(folder, device="cpu")))


if __name__ == "__main__":
    main()
