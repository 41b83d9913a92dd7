"""What config.json says of real models' attention, and what vLLM 0.32 made of it: read by tests with and without vLLM.

Only what decides the KV cache and the context; written from the models' public repositories, in the spelling that they have
there (transformers 4 or 5). Experts are few, and weights not quantised, so that vLLM's own code builds them quickly.
"""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


def _config(architecture: str, model_type: str, layers: int, hidden: int, **more: Any) -> Config:
    plain = {"architectures": [architecture], "model_type": model_type, "num_hidden_layers": layers}
    return plain | {"hidden_size": hidden, "intermediate_size": 64, "vocab_size": 129000} | more


def _heads(heads: int, kv_heads: int, size: int | None = None, context: int | None = None) -> Config:
    more = {"head_dim": size} if size else {}
    more |= {"max_position_embeddings": context} if context else {}
    return {"num_attention_heads": heads, "num_key_value_heads": kv_heads} | more


def _latent(heads: int, context: int, factor: float, trained: int, experts: int, **more: Any) -> Config:
    scaling: Config = {"type": "yarn", "factor": factor, "original_max_position_embeddings": trained}
    scaling |= {"beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}
    sizes = {
        "kv_lora_rank": 512,
        "q_lora_rank": 1536,
        "qk_rope_head_dim": 64,
        "qk_nope_head_dim": 128,
        "v_head_dim": 128,
    }
    moe: Config = {
        "n_routed_experts": experts,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 64,
    }
    moe |= {"first_k_dense_replace": 1, "n_group": 1, "topk_group": 1, "norm_topk_prob": True, "moe_layer_freq": 1}
    moe |= {"routed_scaling_factor": 1.0, "scoring_func": "sigmoid", "topk_method": "noaux_tc"}
    return _heads(heads, heads, context=context) | {"rope_scaling": scaling} | sizes | moe | more


LONG_ROPE = {"type": "longrope", "short_factor": [1.0] * 48, "long_factor": [1.0] * 48}
LLAMA = _config("LlamaForCausalLM", "llama", 4, 4096, **_heads(32, 8, 128, 8192), rope_theta=500000.0)
YARN: Config = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
GEMMA3 = {
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    "intermediate_size": 64,
    "vocab_size": 129000,
}
GEMMA3_SCALING: Config = {"factor": 8.0, "rope_type": "linear"}
QWEN2 = _config("Qwen2ForCausalLM", "qwen2", 28, 3584, **_heads(28, 4, None, 32768))
QWEN2_MOE = _config("Qwen2MoeForCausalLM", "qwen2_moe", 4, 2048, **_heads(16, 16, None, 8192))
MISTRAL = _config("MistralForCausalLM", "mistral", 4, 4096, **_heads(32, 8, None, 32768), rope_theta=10000.0)
SMOL = _config("SmolLM3ForCausalLM", "smollm3", 36, 2048, **_heads(16, 4, None, 65536), rope_theta=5000000.0)

CONFIGS: dict[str, Config] = {
    "meta-llama/Llama-3.1-8B-Instruct": LLAMA
    | {"num_hidden_layers": 32, "max_position_embeddings": 131072}
    | {
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
        | {"original_max_position_embeddings": 8192}
    },
    "deepseek-ai/deepseek-coder-6.7b-instruct": _config("LlamaForCausalLM", "llama", 32, 4096, **_heads(32, 32))
    | {"max_position_embeddings": 16384, "rope_scaling": {"type": "linear", "factor": 4.0}, "rope_theta": 100000},
    "scaled with dynamic, as transformers 4": LLAMA | {"rope_scaling": {"type": "dynamic", "factor": 2.0}},
    "scaled with linear, as transformers 5": LLAMA
    | {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}},
    "Qwen/Qwen2.5-7B-Instruct with YaRN": _config("Qwen2ForCausalLM", "qwen2", 28, 3584, **_heads(28, 4))
    | {"max_position_embeddings": 32768, "rope_scaling": YARN}
    | {"use_sliding_window": False, "sliding_window": 131072, "max_window_layers": 28},
    "several keys": LLAMA | {"n_positions": 4096, "max_seq_len": 6144},
    "model_max_length besides": LLAMA | {"model_max_length": 16384},
    "longrope that says its origin inside": LLAMA
    | {
        "rope_scaling": {"rope_type": "longrope", "factor": 4.0, "short_factor": [1.0] * 64, "long_factor": [1.0] * 64}
        | {"original_max_position_embeddings": 4096}
    },
    "longrope by its old name": LLAMA
    | {
        "original_max_position_embeddings": 4096,
        "rope_scaling": {"type": "su", "factor": 2.0}
        | {"short_factor": [1.0] * 64, "long_factor": [1.0] * 64, "original_max_position_embeddings": 4096},
    },
    "a window that Llama does not have by itself": LLAMA | {"sliding_window": 1024},
    "Mistral without a word of its window": MISTRAL,
    "Mistral whose layers differ": MISTRAL
    | {"sliding_window": 4096, "layer_types": ["full_attention", "sliding_attention"] * 2},
    "Ministral": MISTRAL
    | {"architectures": ["MinistralForCausalLM"], "model_type": "ministral", "sliding_window": 2048, "head_dim": 128},
    "Qwen2 MoE with a window": QWEN2_MOE
    | {"use_sliding_window": True, "sliding_window": 1024, "num_experts": 4, "num_experts_per_tok": 2}
    | {"moe_intermediate_size": 64, "shared_expert_intermediate_size": 64},
    "Qwen3 MoE with a window": QWEN2_MOE
    | {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "head_dim": 128, "num_key_value_heads": 4}
    | {"use_sliding_window": True, "sliding_window": 1024, "num_experts": 4, "num_experts_per_tok": 2}
    | {"moe_intermediate_size": 64},
    "bigcode/starcoder2-7b": _config("Starcoder2ForCausalLM", "starcoder2", 32, 4608, **_heads(36, 4, None, 16384))
    | {"sliding_window": 4096, "rope_theta": 1000000, "use_bias": True},
    "HuggingFaceTB/SmolLM3-3B": SMOL | {"use_sliding_window": False, "sliding_window": None},
    "SmolLM3 with a window": SMOL | {"use_sliding_window": True, "sliding_window": 4096},
    "Qwen2 with a window in some layers": QWEN2
    | {"use_sliding_window": True, "sliding_window": 4096, "max_window_layers": 21},
    "Qwen2 with a window in every layer": _config("Qwen2ForCausalLM", "qwen2", 28, 3584, **_heads(28, 4))
    | {"max_position_embeddings": 32768}
    | {"use_sliding_window": True, "sliding_window": 4096, "max_window_layers": 0},
    "Qwen2 with a window above its last layer": _config("Qwen2ForCausalLM", "qwen2", 28, 3584, **_heads(28, 4))
    | {"max_position_embeddings": 32768}
    | {"use_sliding_window": True, "sliding_window": 4096, "max_window_layers": 28},
    "google/gemma-2-9b-it": _config("Gemma2ForCausalLM", "gemma2", 42, 3584, **_heads(16, 8, 256, 8192))
    | {"sliding_window": 4096, "rope_theta": 10000.0, "cache_implementation": "hybrid"},
    "google/gemma-3-1b-it": _config("Gemma3ForCausalLM", "gemma3_text", 26, 1152, **_heads(4, 1, 256, 32768))
    | {"sliding_window": 512, "sliding_window_pattern": 6, "rope_theta": 1000000, "rope_local_base_freq": 10000},
    "google/gemma-3-4b-it, its text": GEMMA3
    | {"hidden_size": 2560, "num_hidden_layers": 34, "sliding_window": 1024, "rope_scaling": GEMMA3_SCALING},
    "google/gemma-3-27b-it, its text": GEMMA3
    | {"hidden_size": 5376, "num_hidden_layers": 62, "sliding_window": 1024, "rope_scaling": GEMMA3_SCALING}
    | _heads(32, 16, 128),
    "Gemma 3 as transformers 5": GEMMA3
    | {"hidden_size": 2560, "num_hidden_layers": 12, "sliding_window": 1024, "_sliding_window_pattern": 6}
    | {"layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 2}
    | {
        "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
        | {"full_attention": GEMMA3_SCALING | {"rope_theta": 1000000.0}}
    },
    "CohereLabs/c4ai-command-r7b-12-2024": _config(
        "Cohere2ForCausalLM", "cohere2", 32, 4096, **_heads(32, 8, 128, 132096)
    )
    | {"sliding_window": 4096, "sliding_window_pattern": 4, "rope_theta": 50000, "logit_scale": 0.25},
    "CohereLabs/c4ai-command-r-v01": _config("CohereForCausalLM", "cohere", 40, 8192, **_heads(64, 64, None, 8192))
    | {"model_max_length": 131072, "rope_theta": 8000000.0, "logit_scale": 0.0625},
    "openai/gpt-oss-20b": _config("GptOssForCausalLM", "gpt_oss", 24, 2880, **_heads(64, 8, 64, 131072))
    | {"sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 12, "rope_theta": 150000}
    | {"num_local_experts": 4, "num_experts_per_tok": 2, "attention_bias": True, "swiglu_limit": 7.0}
    | {
        "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False}
        | {"original_max_position_embeddings": 4096}
    },
    "mistralai/Mistral-7B-Instruct-v0.1": _config("MistralForCausalLM", "mistral", 32, 4096, **_heads(32, 8))
    | {"max_position_embeddings": 32768, "sliding_window": 4096, "rope_theta": 10000.0},
    "mistralai/Ministral-8B-Instruct-2410": _config("MistralForCausalLM", "mistral", 36, 4096, **_heads(32, 8, 128))
    | {"max_position_embeddings": 32768, "sliding_window": 32768, "rope_theta": 100000000.0},
    "mistralai/Ministral-3-8B-Instruct-2512, its text": _config(
        "Ministral3ForCausalLM", "ministral3", 34, 4096, **_heads(32, 8, 128, 262144)
    )
    | {"sliding_window": None}
    | {
        "rope_parameters": {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 16384}
        | {"rope_theta": 1000000.0, "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0}
        | {"llama_4_scaling_beta": 0.1}
    },
    "microsoft/Phi-3-mini-4k-instruct": _config("Phi3ForCausalLM", "phi3", 32, 3072, **_heads(32, 32))
    | {"max_position_embeddings": 4096, "original_max_position_embeddings": 4096}
    | {"sliding_window": 2047, "rope_scaling": None, "rope_theta": 10000.0},
    "microsoft/Phi-4-mini-instruct": _config("Phi3ForCausalLM", "phi3", 32, 3072, **_heads(24, 8, None, 131072))
    | {"original_max_position_embeddings": 4096, "sliding_window": 262144, "partial_rotary_factor": 0.75}
    | {"rope_scaling": LONG_ROPE},
    "microsoft/Phi-3-mini-128k-instruct": _config("Phi3ForCausalLM", "phi3", 32, 3072, **_heads(32, 32))
    | {"max_position_embeddings": 131072, "original_max_position_embeddings": 4096}
    | {"sliding_window": 262144, "rope_scaling": LONG_ROPE, "rope_theta": 10000.0},
    "deepseek-ai/DeepSeek-V2-Lite-Chat": _config("DeepseekV2ForCausalLM", "deepseek_v2", 27, 2048)
    | _latent(16, 163840, 40, 4096, 4, q_lora_rank=None, topk_method="greedy", scoring_func="softmax"),
    "deepseek-ai/DeepSeek-V3": _config("DeepseekV3ForCausalLM", "deepseek_v3", 61, 7168, num_nextn_predict_layers=1)
    | _latent(128, 163840, 40, 4096, 4),
    "moonshotai/Kimi-K2-Instruct": _config("DeepseekV3ForCausalLM", "kimi_k2", 61, 7168, num_nextn_predict_layers=0)
    | _latent(64, 131072, 32.0, 4096, 4),
}

Figures = tuple[int, int, int, int, int]
REPORTED: dict[str, Figures | None] = {
    # the context that vLLM derives; KV heads and size of a head as it counts them; bytes of KV cache that one request of 4096
    # tokens takes, and one of the whole context. None: vLLM refuses it. tests/stack/test_vllm_attention.py prints them
    "meta-llama/Llama-3.1-8B-Instruct": (131072, 8, 128, 536870912, 17179869184),
    "deepseek-ai/deepseek-coder-6.7b-instruct": (65536, 32, 128, 2147483648, 34359738368),
    "scaled with dynamic, as transformers 4": (16384, 8, 128, 67108864, 268435456),
    "scaled with linear, as transformers 5": (32768, 8, 128, 67108864, 536870912),
    "Qwen/Qwen2.5-7B-Instruct with YaRN": (32768, 4, 128, 234881024, 1879048192),
    "several keys": (4096, 8, 128, 67108864, 67108864),
    "model_max_length besides": (16384, 8, 128, 67108864, 268435456),
    "longrope that says its origin inside": (8192, 8, 128, 67108864, 134217728),
    "longrope by its old name": (4096, 8, 128, 67108864, 67108864),
    "a window that Llama does not have by itself": (8192, 8, 128, 67371008, 84148224),
    "Mistral without a word of its window": (32768, 8, 128, 67371008, 134479872),
    "Mistral whose layers differ": (32768, 8, 128, 67239936, 335675392),
    "Ministral": (32768, 8, 128, 67371008, 100925440),
    "Qwen2 MoE with a window": (8192, 16, 128, 134217728, 268435456),
    "Qwen3 MoE with a window": (8192, 4, 128, 33685504, 42074112),
    "bigcode/starcoder2-7b": (16384, 4, 128, 269484032, 537919488),
    "HuggingFaceTB/SmolLM3-3B": (65536, 4, 128, 301989888, 4831838208),
    "SmolLM3 with a window": (65536, 4, 128, 302284800, 3775168512),
    "Qwen2 with a window in some layers": None,
    "Qwen2 with a window in every layer": (32768, 4, 128, 235798528, 470679552),
    "Qwen2 with a window above its last layer": (32768, 4, 128, 234881024, 1879048192),
    "google/gemma-2-9b-it": (8192, 8, 256, 1412038656, 2821324800),
    "google/gemma-3-1b-it": (32768, 1, 256, 117833728, 247857152),
    "google/gemma-3-4b-it, its text": (131072, 4, 256, 589168640, 3315466240),
    "google/gemma-3-27b-it, its text": (131072, 16, 128, 2356674560, 13261864960),
    "Gemma 3 as transformers 5": (131072, 4, 256, 201981952, 1284112384),
    "CohereLabs/c4ai-command-r7b-12-2024": (132096, 8, 128, 538443776, 5135400960),
    "CohereLabs/c4ai-command-r-v01": (131072, 64, 128, 5368709120, 171798691840),
    "openai/gpt-oss-20b": (131072, 8, 64, 201719808, 3325427712),
    "mistralai/Mistral-7B-Instruct-v0.1": (32768, 8, 128, 538968064, 1075838976),
    "mistralai/Ministral-8B-Instruct-2410": (32768, 8, 128, 606339072, 4834197504),
    "mistralai/Ministral-3-8B-Instruct-2512, its text": (262144, 8, 128, 570425344, 36507222016),
    "microsoft/Phi-3-mini-4k-instruct": (4096, 32, 96, 1616904192, 1616904192),
    "microsoft/Phi-4-mini-instruct": (4096, 8, 128, 538968064, 538968064),
    "microsoft/Phi-3-mini-128k-instruct": (4096, 32, 96, 1616904192, 1616904192),
    "deepseek-ai/DeepSeek-V2-Lite-Chat": (163840, 1, 576, 127401984, 5096079360),
    "deepseek-ai/DeepSeek-V3": (163840, 1, 576, 287834112, 11513364480),
    "moonshotai/Kimi-K2-Instruct": (131072, 1, 576, 287834112, 9210691584),
}
