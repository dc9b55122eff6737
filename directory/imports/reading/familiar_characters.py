"""The characters of which most names, departments and positions consist, to tell encodings apart.

Nearly all bytes of other encodings of East Asia are valid GB 18030 too, but read as that they give characters that few
people are named with. Runs in the child process: no Django here.
"""

from __future__ import annotations

import re

UNREADABLE = "\N{REPLACEMENT CHARACTER}"

# Kana are the same in all these encodings.
KANA = re.compile("[\u3040-\u30ff]")
BESIDE_LATIN = re.compile("[A-Za-z][\u3400-\u9fff]|[\u3400-\u9fff][A-Za-z]")
# The Hundred Family Surnames and today's 400 most frequent; frequent given names; work.
CHINESE = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐"
    "费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁"
    "杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚"
    "程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙"
    "叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍却璩桑桂濮牛寿通边扈燕冀郏浦尚农温"
    "别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾"
    "毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公俟上官阳人赫皇甫尉迟澹台冶政淳太叔轩辕令狐离宇长鲜闾丘徒亓仉督子颛端木西漆雕正壤驷"
    "良拓跋夹父晋楚闫法汝鄢涂钦百里南门呼延归海舌微生岳帅缑亢况有琴商牟佘佴伯赏墨哈谯笪年爱佟覃芦肖付代苟邝练揭原植冼仝苑檀妫逖佀邸冮郄仵蹇訚亶芈"
    "伟芳娜秀英敏静丽磊军洋勇艳杰娟涛超兰霞刚志建玉春美永小晓晨梓浩然涵欣怡雨佳琪嘉诗语思睿博俊豪泽铭天佑一诺可馨雅婷雪琳慧玲莉萍珍香月"
    "莲菊新波辉斌鹏飞鑫亮健民光清福庆忠信义仁德祥贵兴旺胜振彬彪学才友诚达宏瑞祺昊辰逸凡奕恒旭晴瑶璐琦瑜珊蕾薇莹颖倩蓉淑淼森楠桐枫竹岚峰"
    "川河湖洁冰凯翔航帆扬毅坤启迪哲若心意悦恩善真功立业培根源远城京彤朋宝树芝芬翠桃莎娇媛婉婵妍嫣妮"
    "市场部销售财务事行技术研发产品运营客户服目总理助主员工设采购质量仓库物流息中集团分办室组处科区北下大会计出纳前台秘书机保实顾问监开"
    "测试维护数据网络策划传媒教育老院医药店厂间班电器设备制造"
)
# The surnames and given names of Taiwan and Hong Kong, and the same work.
TRADITIONAL = frozenset(
    "陳林黃張李王吳劉蔡楊許鄭謝洪郭邱曾廖賴徐周葉蘇莊呂江何蕭羅高潘簡朱鍾游彭詹胡施沈余盧梁趙顏柯翁魏孫戴范方宋鄧杜傅侯曹薛丁卓阮馬董溫"
    "唐藍石蔣古紀姚連馮歐程湯田康姜白汪鄒尤巫鐘黎涂龔嚴韓袁金童陸夏柳凃邵錢伍倪崔尹賀熊孟秦史雷賈聶關譚龍麥區冼鄺甘霍凌樊利祝陶歐陽司徒"
    "志明家豪俊傑建宏冠宇宗翰承恩雅婷怡君淑芬美玲佳穎惠秀英麗華淑貞珍玉蘭月香雪鳳嬌芳娟秋桂素梅琴碧蓮金花春寶珠文雄進財福榮清輝正義國信"
    "雄俊賢德昌哲瑋銘凱偉豪彥廷柏翔育成瑞欣怡雯靜宜詩涵心怡思穎筱君宛庭郁婉婷珮瑜品妍子晴品睿宥廷宸睿承翰宇軒冠廷家瑋佩芸嘉慧敏儀曉彤永"
    "強浩然智勇健仁達興祥富貴平安和生光東海山天樂心愛樹森業市場部銷售財務人事行政技術研發產品運營客戶服務總經理助主管員工程師設計會計"
)
KOREAN = frozenset(
    "김이박최정강조윤장임오한신서권황안송류홍전고문손양배백허남심유노하곽성차구우주나민진지엄원채천공현방함염여추변도석소선설마길위연명"
    "기금왕반옥육인맹제탁모어용편봉예경사부가복계승종재환웅근철희다려빈영준혁수대호향열순미리훈익혜은휘범두태통람관련보힘찬상별아덕균의"
    "후형규산세효무협억동완창엽온병욱비화슬광해림란건솔과팀영업개발총획마케팅부장리원실본국센터"
)
JAPANESE = frozenset(
    "佐藤鈴木高橋田中伊渡辺山本村小林加吉井上口松清水斎斉坂岡野青石川原太前後阿部池橋森岩下和島崎近遠浜浦沢澤宮内西東南北安武平大久保"
    "今市杉菅永長谷千葉金桜樋関岸新古谷河酒竹丸増成星堀三宅福荒黒白服矢若柴馬場秋飯尾秀明美香織奈知実代直花春真綾舞子幹桃結衣裕陽里佳晃"
    "篤司治也京助健一修翔淳聡郎拓翼智樹人英浩学充稔康弘洋介亮涼零恵由紀理沙優希愛咲彩菜葵蓮悠斗陸颯隆正義孝博文昭雄夫男次二郎五十六七八九"
    "信敏勝茂進誠豊克哲朗典之徳彦剛豪大輔雅晴光幸貴史俊仁行洋株式会社営業総務人事経理開発部課長係員主任取締役社"
)


OTHERS = ("big5", TRADITIONAL), ("shift_jis", JAPANESE), ("euc_jp", JAPANESE), ("euc_kr", KOREAN)
# With fewer letters, one in six is no share.
LETTERS_MIN = 12


def is_other_script(sample: bytes) -> bool:
    """Return True if the bytes have far more familiar characters in another encoding than in GB 18030, or if that has
    hardly any in a text of some length, or gives hanzi that hardly any name has."""
    letters, chinese = _familiar_share(sample, "gb18030", CHINESE | TRADITIONAL)
    best = max(_familiar_share(sample, *reading)[1] for reading in OTHERS)
    if best > max(chinese * 2, 0.5) or (letters >= LETTERS_MIN and chinese < 1 / 6):
        return True
    rare = [char for char in sample.decode("gb18030", "replace") if not char.isascii() and not _is_frequent(char)]
    return chinese < 1 / 3 and len(rare) > 1 and letters < len(rare) * 3


def _is_frequent(char: str) -> bool:
    """Return True for the 6,763 hanzi of GB 2312 and the 5,401 frequent ones of Big5."""
    return bool(char.encode("gb2312", "ignore")) or b"" < char.encode("big5", "ignore") < b"\xc7"


def is_chinese(sample: bytes) -> bool:
    """Return True if the bytes read as GB 18030 are several hanzi, a third familiar and none beside a Latin letter."""
    letters, share = _familiar_share(sample, "gb18030", CHINESE)
    return letters > 1 and share >= 1 / 3 and not BESIDE_LATIN.search(sample.decode("gb18030", "replace"))


def _familiar_share(sample: bytes, encoding: str, familiar: frozenset[str]) -> tuple[int, float]:
    """Return the number of letters beyond ASCII, and the share of familiar ones."""
    text = KANA.sub("", sample.decode(encoding, "replace"))
    letters = [char for char in text if not char.isascii() and (char.isalpha() or char == UNREADABLE)]
    return len(letters), sum(char in familiar for char in letters) / max(len(letters), 1)
