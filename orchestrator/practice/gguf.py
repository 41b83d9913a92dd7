"""Write a synthetic model as GGUF, for llama.cpp and Ollama."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    import gguf


def write_gguf(path: Path, *, name: str, end_bias: float = 30.0, embedding: bool = False) -> None:
    """The same arguments give the same bytes (about 0.5 MB, F32). `embedding`: Ollama lists it as an embedding model.

    `end_bias` as in `make_weights`. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
    """
    import gguf
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_vocab_size(len(TOKENS))
    if embedding:
        writer.add_pooling_type(gguf.PoolingType.MEAN)

    add_vocabulary(writer)
    writer.add_pad_token_id(IDS[PADDING])
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)

    ones = np.ones(WIDTH, np.float32)
    for tensor, values in _tensors(make_weights(end_bias=end_bias), ones).items():
        writer.add_tensor(tensor, values)
    finish(writer)


def add_vocabulary(writer: gguf.GGUFWriter) -> None:
    """That of every synthetic model."""
    import gguf

    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(list(TOKENS))
    writer.add_token_types([gguf.TokenType.NORMAL] * len(TEXT) + [gguf.TokenType.CONTROL] * len(SPECIAL))
    writer.add_token_merges([f"{left} {right}" for left, right in MERGES])
    writer.add_bos_token_id(IDS[END_OF_TEXT])
    writer.add_eos_token_id(IDS[TURN_END])


def finish(writer: gguf.GGUFWriter) -> None:
    """All that was added, into its file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(weights: Weights, ones: Matrix) -> dict[str, Matrix]:
    tensors = {"token_embd.weight": weights.embedding, "output_norm.weight": ones, "output.weight": weights.output}
    for number, layer in enumerate(weights.layers):
        tensors |= {
            f"blk.{number}.{part}.weight": values
            for part, values in {
                "attn_norm": ones,
                "attn_q": layer.query,
                "attn_k": layer.key,
                "attn_v": layer.value,
                "attn_output": layer.attention_output,
                "ffn_norm": ones,
                "ffn_gate": layer.gate,
                "ffn_up": layer.up,
                "ffn_down": layer.down,
            }.items()
        }
    return tensors
