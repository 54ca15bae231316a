# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels, tooltips and choices of the fields of requests, in other languages; the keys follow `sd_core.requests`."""

from collections.abc import Mapping

CHINESE_FIELDS: Mapping[str, str] = {
    # every picture
    "Prompt": "提示词",
    "What the picture shows; emphasis as (word:1.3)": "图像的内容；用 (词:1.3) 表示强调",
    "Negative Prompt": "负面提示词",
    "What the picture should not show": "图像中不应出现的内容",
    "Width": "宽度",
    "Width of the picture, a multiple of 8 (px)": "图像宽度，8 的倍数（像素）",
    "Height": "高度",
    "Height of the picture, a multiple of 8 (px)": "图像高度，8 的倍数（像素）",
    "Steps": "步数",
    "Denoising steps: more take longer and give finer detail": "去噪步数：越多越慢，细节越好",
    "Guidance": "引导强度",
    "How closely the picture follows the prompt; 1 or less: no guidance, twice as fast": (
        "图像遵循提示词的程度；不大于 1 时不加引导，速度加倍"
    ),
    "Scheduler": "调度器",
    "Method of denoising, such as ddim, euler or dpmpp_2m_karras; empty: default of the model": (
        "去噪的方法，例如 ddim、euler 或 dpmpp_2m_karras；留空：模型的默认值"
    ),
    "Seed": "种子",
    "The same seed and settings give the same picture": "种子和设置相同则图像相同",
    "Images": "图像数量",
    "How many pictures to make, each from the next seed": "生成多少张图像，每张使用下一个种子",
    "Model": "模型",
    "Model by name, Hugging Face id, folder or .safetensors file; empty: default of the engine": (
        "模型名称、hub 编号、文件夹或 .safetensors 文件；留空：引擎的默认模型"
    ),
    "Seamless": "无缝",
    "Axes along which the picture repeats without a seam": "图像沿哪些轴无缝重复",
    "X and Y": "X 和 Y",
    "Seamless Method": "无缝方法",
    "Padding repeats exactly; rolling nearly, at any size": "填充使图像精确重复；滚动近似重复，适用于任何尺寸",
    "Padding": "填充",
    "Rolling": "滚动",
    # switches of values that may be left out
    "Use this value; off: default of the model": "使用此值；关闭：模型的默认值",
    "Use this value; off: size of the pictures given, else default of the model": (
        "使用此值；关闭：所给图片的尺寸，否则为模型的默认值"
    ),
    "Use this value; off: default of the engine": "使用此值；关闭：引擎的默认值",
    "Use this value; off: a random seed, which the result tells": "使用此值；关闭：随机种子，结果中会给出",
    "Use this value; off: the usual one for the model": "使用此值；关闭：适合该模型的一个",
    "Use this value; off: the usual ControlNet for this model and kind": "使用此值；关闭：适合该模型和类型的一个",
    "Use this value; off: smallest and largest finite depth": "使用此值；关闭：最小和最大的有限深度",
    "Use this value; off: builtin, the network in the package": "使用此值；关闭：builtin，即软件包内的网络",
    "Use this value; off: 1, or what words such as deep and flat say": "使用此值；关闭：1，或由提示词中 deep、flat 等词决定",
    "Use this value; off: no, but where the words name bricks, tiles or planks, whose joints must lie low": (
        "使用此值；关闭：不反转，除非提示词提到接缝必须较低的砖、瓷砖或木板"
    ),
    "Use this value; off: from the material that the words name, else from the picture": (
        "使用此值；关闭：由提示词中的材质决定，否则由图像决定"
    ),
    # single tasks
    "Strength": "强度",
    "How much of the picture changes; 1 keeps almost nothing of it": "图像可以改变的程度；1 几乎不保留原图",
    "Fill": "填充",
    "What fills the masked area first; surroundings with an empty prompt and strength 1 removes an object, without the model": (
        "首先填充遮罩区域的内容；选“周围”、提示词为空且强度为 1 可移除物体，不使用模型"
    ),
    "Original": "原图",
    "Surroundings": "周围",
    "Feather": "羽化",
    "Width of the blend at the edge of the mask (px)": "新旧图像混合的宽度（像素）",
    "Expand": "扩展",
    "Margins that are added at the left, top, right and bottom, and painted (px)": (
        "在左、上、右、下添加并绘制的边距（像素）"
    ),
    "Scale": "比例",
    "How many times larger the picture becomes": "图像放大的倍数",
    "Maps of the material that are made": "要生成的材质贴图",
    "Map Estimator": "贴图估计器",
    "Builtin, rule (brightness is height), or a Marigold checkpoint: a folder or a Hugging Face id; empty: builtin, the network in "
    "the package": "builtin、rule（亮度即高度）或 Marigold 模型：文件夹或 Hugging Face 编号；留空：builtin，即软件包内的网络",
    "Map Format": "贴图格式",
    "Files of the maps: PNG of 16 bit, or half-float EXR as well": "贴图文件：16 位 PNG，或另加半精度浮点 EXR",
    "PNG": "PNG",
    "EXR": "EXR",
    "Relief": "起伏",
    "Factor of the height of the material; 0 is flat": "材质高度的系数；0 为平整",
    "Invert Height": "反转高度",
    "Exchange high and low in the height and normal maps": "在高度和法线贴图中互换高低",
    "Value of the whole metallic map; 1 is metal": "整张金属度贴图的值；1 为金属",
    # adapters
    "LoRAs": "LoRA",
    "Name in the LoRA folder, .safetensors file, folder or Hugging Face id": (
        "LoRA 文件夹中的名称、.safetensors 文件、文件夹或 hub 编号"
    ),
    "Weight": "权重",
    "How strongly the LoRA acts": "LoRA 作用的强度",
    "ControlNets": "ControlNet",
    "Kind": "类型",
    "What the control picture shows, such as depth; selects the ControlNet of the model where none is named": (
        "控制图的内容；未指定 ControlNet 时据此为模型选择"
    ),
    "Canny": "Canny 边缘",
    "Line Art": "线稿",
    "Soft Edge": "软边缘",
    "Scribble": "涂鸦",
    "MLSD": "MLSD 直线",
    "Segmentation": "语义分割",
    "OpenPose": "OpenPose 姿态",
    "Tile": "分块",
    "Other": "其他",
    "ControlNet or T2I-Adapter: a Hugging Face id or a folder; empty: the usual ControlNet for this model and kind": (
        "ControlNet 或 T2I-Adapter：hub 编号或文件夹；留空：适合该模型和类型的一个"
    ),
    "How strongly the ControlNet acts": "ControlNet 作用的强度",
    "Start": "开始",
    "Fraction of the steps at which the ControlNet starts (0 to 1)": "ControlNet 在多少比例的步数之后开始作用",
    "End": "结束",
    "Fraction of the steps at which the ControlNet ends (0 to 1)": "ControlNet 在多少比例的步数之后不再作用",
    "Control Picture": "控制图",
    "Control picture (already preprocessed), of the size of the result": "做好的控制图，大小与结果相同",
    "Image Prompt": "图像提示",
    "Reference picture for content and style (IP-Adapter)": "引导内容和风格的图像（IP-Adapter）",
    "Weight of the picture against the text": "图像相对于文字的权重",
    "IP-Adapter": "IP-Adapter",
    "IP-Adapter: a Hugging Face id, a folder or a file; empty: the usual one for the model": (
        "IP-Adapter：hub 编号、文件夹或文件；留空：适合该模型的一个"
    ),
    # depth, animations and meshes
    "Depth ControlNet": "深度 ControlNet",
    "ControlNet or T2I-Adapter for depth: a Hugging Face id, a folder or a file; empty: the usual one for the model": (
        "深度 ControlNet 或 T2I-Adapter：hub 编号、文件夹或文件；留空：适合该模型的一个"
    ),
    "Depth Scale": "深度强度",
    "How strongly the depth guides the picture": "深度引导图像的强度",
    "Depth Range": "深度范围",
    "Near and far of the depth picture that the ControlNet reads (scene units)": (
        "ControlNet 所读深度图的近处和远处（场景单位）"
    ),
    "Extra Border": "额外边框",
    "Border rendered around every frame; it is cut off the finished frames (px)": (
        "在每帧四周多渲染的边框，完成后会裁掉（像素）"
    ),
    "Noise": "噪声",
    "Noise that follows the surfaces, is the same in every frame (fixed), or another in every frame": (
        "噪声跟随表面、每帧相同（固定），或每帧不同"
    ),
    "Follows Surfaces": "跟随表面",
    "Noise that moves with the surfaces": "随表面移动的噪声",
    "Same in Every Frame": "每帧相同",
    "The same noise in every frame": "每帧使用相同的噪声",
    "Different in Every Frame": "每帧不同",
    "New noise in every frame": "每帧使用不同的噪声",
    "Max. Views": "最多视角数",
    "Largest number of views that are chosen": "最多选择多少个视角",
    "Texture Size": "纹理大小",
    "Side of the texture (px)": "纹理的边长（像素）",
}
"""Simplified Chinese by English."""
