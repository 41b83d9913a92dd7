"""Write a synthetic model as a Hugging Face repository, for vLLM and TGI; without torch or transformers."""

from __future__ import annotations

import json
from pathlib import Path

from orchestrator.practice.vocabulary import (
    CHAT_TEMPLATE,
    CONTEXT,
    END_OF_TEXT,
    IDS,
    MERGES,
    PADDING,
    SPECIAL,
    TEXT,
    TOKENS,
    TURN_END,
)
from orchestrator.practice.weights import (
    HEADS,
    INNER,
    LAYERS,
    NORM_EPSILON,
    ROPE_BASE,
    WIDTH,
    Matrix,
    Weights,
    make_weights,
)

Json = dict[str, object]


def write_checkpoint(folder: Path, *, name: str, end_bias: float = 30.0) -> None:
    """The same arguments give the same bytes (about 0.25 MB, bf16). `end_bias` as in `make_weights`."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in {
        "config.json": _config(name),
        "generation_config.json": _generation_config(),
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": _tokenizer_config(),
    }.items():
        (folder / file).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_weights(folder / "model.safetensors", make_weights(end_bias=end_bias))


def _token_ids() -> Json:
    return {"bos_token_id": IDS[END_OF_TEXT], "eos_token_id": IDS[TURN_END], "pad_token_id": IDS[PADDING]}


def _config(name: str) -> Json:
    return {
        "_name_or_path": name,
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "head_dim": WIDTH // HEADS,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": NORM_EPSILON,
        "rope_theta": ROPE_BASE,
        "vocab_size": len(TOKENS),
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        **_token_ids(),
    }


def _generation_config() -> Json:
    return {"do_sample": True, "temperature": 0.8, "top_p": 0.95, **_token_ids()}


def _tokenizer() -> Json:
    """Format: https://huggingface.co/docs/tokenizers/api/tokenizer (a serialised byte-level BPE)."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": IDS[token], "content": token, **plain} for token in SPECIAL],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: IDS[token] for token in TEXT},
            "merges": [f"{left} {right}" for left, right in MERGES],
        },
    }


def _tokenizer_config() -> Json:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
        "bos_token": END_OF_TEXT,
        "eos_token": TURN_END,
        "pad_token": PADDING,
        "chat_template": CHAT_TEMPLATE,
    }


def _write_weights(path: Path, weights: Weights) -> None:
    """The file by hand: numpy has no bf16, so the upper half of each float32 goes in (rounded to nearest even).

    Format: https://huggingface.co/docs/safetensors/index#format
    """
    header: Json = {"__metadata__": {"format": "pt"}}
    body = bytearray()
    for tensor, values in sorted(_tensors(weights).items()):
        start = len(body)
        body += _bfloat16(values)
        header[tensor] = {"dtype": "BF16", "shape": list(values.shape), "data_offsets": [start, len(body)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def _bfloat16(values: Matrix) -> bytes:
    import numpy as np

    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = bits + 0x7FFF + (bits >> 16 & 1)
    return (rounded >> 16).astype("<u2").tobytes()


def _tensors(weights: Weights) -> dict[str, Matrix]:
    import numpy as np

    ones = np.ones(WIDTH, np.float32)
    tensors = {
        "model.embed_tokens.weight": weights.embedding,
        "model.norm.weight": ones,
        "lm_head.weight": weights.output,
    }
    for number, layer in enumerate(weights.layers):
        tensors |= {
            f"model.layers.{number}.{part}.weight": values
            for part, values in {
                "input_layernorm": ones,
                "self_attn.q_proj": layer.query,
                "self_attn.k_proj": layer.key,
                "self_attn.v_proj": layer.value,
                "self_attn.o_proj": layer.attention_output,
                "post_attention_layernorm": ones,
                "mlp.gate_proj": layer.gate,
                "mlp.up_proj": layer.up,
                "mlp.down_proj": layer.down,
            }.items()
        }
    return tensors
