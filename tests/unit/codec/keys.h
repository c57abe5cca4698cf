/* Keys, peer ids and signatures that other implementations made.
 * KEY_A, KEY_K1, KEY_EC, KEY_RSA: libp2p specs, peer-ids, test vectors (RSA_SIG computed from the
 * private key there by plain arithmetic). GO_*: go-libp2p core/crypto, test data and v0.49. The
 * P-521 pair was made by the openssl program. */
#ifndef TESTS_UNIT_CODEC_KEYS_H
#define TESTS_UNIT_CODEC_KEYS_H

#define SEED_A "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"

#define KEY_A   "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define TEXT_A  "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define CID32_A "bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2pzyt6"
#define CID36_A "k51qzi5uqu5dgy8qsq67hbz73jqkw87l3fgf4a91qb0d9b5173tir7n4vxk1oe"

#define KEY_B   "0801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define TEXT_B  "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define CID32_B "bafzaajaiaejcaa5ba677htqqxyoxbxiy45f4bglh4tldbg5fbvpr3xegmqjfkmny"
#define CID36_B "k51qzi5uqu5dg9ufswxt229ntzdy7p4125xzv5rtyjso89ajdujg6csfxcj260"

#define KEY_K1  "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99"
#define TEXT_K1 "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY"

#define KEY_EC                                                                                     \
	"0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5"         \
	"d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47"         \
	"c646a597fb4dcec034e9f77c409e62"
#define TEXT_EC "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk"

#define KEY_RSA                                                                                    \
	"080012a60430820222300d06092a864886f70d01010105000382020f003082020a0282020100e1be"         \
	"ab071d08200bde24eef00d049449b07770ff9910257b2d7d5dda242ce8f0e2f12e1af4b32d9efd2c"         \
	"090f66b0f29986dbb645dae9880089704a94e5066d594162ae6ee8892e6ec70701db0a6c445c0477"         \
	"8eb3de1293aa1a23c3825b85c6620a2bc3f82f9b0c309bc0ab3aeb1873282bebd3da03c33e76c21e"         \
	"9beb172fd44c9e43be32e2c99827033cf8d0f0c606f4579326c930eb4e854395ad941256542c7939"         \
	"02185153c474bed109d6ff5141ebf9cd256cf58893a37f83729f97e7cb435ec679d2e33901d27bb3"         \
	"5aa0d7e20561da08885ef0abbf8e2fb48d6a5487047a9ecb1ad41fa7ed84f6e3e8ecd5d98b3982d2"         \
	"a901b4454991766da295ab78822add5612a2df83bcee814cf50973e80d7ef38111b1bd87da2ae924"         \
	"38a2c8cbcc70b31ee319939a3b9c761dbc13b5c086d6b64bf7ae7dacc14622375d92a8ff9af7eb96"         \
	"2162bbddebf90acb32adb5e4e4029f1c96019949ecfbfeffd7ac1e3fbcc6b6168c34be3d5a2e5999"         \
	"fcbb39bba7adbca78eab09b9bc39f7fa4b93411f4cc175e70c0a083e96bfaefb04a9580b4753c173"         \
	"8a6a760ae1afd851a1a4bdad231cf56e9284d832483df215a46c1c21bdf0c6cfe951c18f1ee4078c"         \
	"79c13d63edb6e14feaeffabc90ad317e4875fe648101b0864097e998f0ca3025ef9638cd2b0caecd"         \
	"3770ab54a1d9c6ca959b0f5dcbc90caeefc4135baca6fd475224269bbe1b0203010001"
#define TEXT_RSA "QmaeANgBs1DTSxWSrPPtobgQuxW8XTfsS4ydbK4rCHzqxG"

/* What RSA_SIG, GO_K1_SIG and GO_P256_SIG sign. */
#define BEST_MESSAGE "Libp2p is the _best_!"
#define RSA_SIG                                                                                    \
	"3ea72f3bfc88b4f85d600bb2d467053faac811e4272293369290def3bef1b32b8b5814bac3d5bcdb"         \
	"27983dea52eb050e359aa47b50e7f26f6e1ad52697dd0ce39b05ddd19c6ac4bafdde11693fb4e6b8"         \
	"b52288c4fc17d141a78d3159b6094c75af0471681406f778897ea62638688d52da90c0be3dc86c0c"         \
	"c10dacfd4d1a78b6dead202c18fe72664341f780a61d2adfc4400c2b1e78c08fdedf2a2c393573b7"         \
	"f2550d570d3d5fe4bbcfd099ed4e2ba8e555ee804c5aad3fce76cb42b25339c4fd12c4d711e7a9e2"         \
	"b7b7a3a8a2e10127a70b92e66f74fbcb41d2956974e25f7cf9e528ca625201b4b1a0b09b33ed81c1"         \
	"dd364373efc25217b697181fda1e6f903260387ddd700fe9219ffa08694b200e3f6d1df7ae54ef3e"         \
	"3f9b50ae3b71e2863b0734a15f9c9b4c815dbc74f60c9e006a7e18fefe33a58c50940fc0157df4df"         \
	"85486b8bc5a8f1b84cd0ecd105ddad5111b79de8252a19090b782849f7e1970bbb495910ee3eb2f7"         \
	"ce46c3d570c04bb0e0882643a5d241cbda1ebd16a0a7d26636ed04f18cc271db0e371caa79bea393"         \
	"c687124f2213c8ab43b0dc4b0492a5db4040281db8f5efed76bd9621fe2dfe186bf202d93740563c"         \
	"79bcbdd8e6902ca03c087b0c86ae36373657e334c943c03927975620363140acbaf5a95f959158e2"         \
	"a85b615fd82251df0f5b7cc9e75fd3928d1987f003e74407cfb6b724122e3a81"

#define GO_K1 "08021221023540ad842af8a43551a94d8383a555a99226506b88f953d2e70316a3a1b3d6a2"
#define GO_K1_SIG                                                                                  \
	"3044022031a7d633c2f3e45a16128d43751afaa8dc9ba24092c5f5b3cad2c8fe4cf388f2022049ea"         \
	"8d219f458683d24775d543ea8fb290704347fb35493c403bc2c259b29d9e"

#define GO_P256                                                                                    \
	"0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004e29a8674f3614e0ccb"         \
	"72406bfe2137e9f8c5f7d62d137f0a2edd233e35374777fd1f9aed4d2cfa7371caafc6ef02db83b8"         \
	"1f77cfe1bcd8c715acf0b9a2778ea9"

/* Its s is in the upper half. */
#define GO_P256_SIG                                                                                \
	"3046022100846a6685b9e72b560cb2fc4a75f9cbc38a90aaeaa7f3f25ee719832db7b93a65022100"         \
	"cd992bb7bd2bcc28c7db04987d10adc490fe348270954f7696cb0dffff0dfc3d"
#define TEXT_GO_P256 "QmYod9tQDX9rLCrs7au5um1aDrBXTnaHGbh1W6bxNGeEut"

#define GO_P384_MESSAGE "noise-libp2p-static-key:hello"
#define GO_P384                                                                                    \
	"080312783076301006072a8648ce3d020106052b81040022036200041725a0b849d136aebc32884c"         \
	"f072cf0c48e7f4f6da753a9f78fe1b1a69295b4885e485bc6d38a3bc3989363a465ce80f1d75d5b0"         \
	"bb46c5b9a691280fd03409c8ad03675b6f1fa4163a19e18d00f6a31635441bb585a303dcee29a623"         \
	"74bf4629"

#define GO_P384_SIG                                                                                \
	"306402301e8f01bf40a1ea862af76d91ff8aaa461015508a5777234d8ef1a74141215d04b8b3565e"         \
	"0f6909b2cb1615d283dbc450023060292bbd2cd3b221587ace86332c4145bf5ff5be0bf7fa08bd73"         \
	"f218221da8fa2ab2c08280fdb5a49efae371db7c34bd"
#define TEXT_GO_P384 "QmcDmwZw6pmb6QJEjDA9e3ADz3dw7GCy4jEmuhEETnSdsr"

#define P521_MESSAGE "Hello, swift-libp2p-crypto!"
#define P521                                                                                       \
	"0803129e0130819b301006072a8648ce3d020106052b810400230381860004019321a03467180791"         \
	"7ae738b0a12addfce73f5acf678403770a4d7f141b3cb7b4af38387e4f89e813e5c90b3be117c7b5"         \
	"7c621ce88bdc66492f3a3fa4f6e2f7acfb006d401000475827268bfb9c946b23834c0db8ab961f06"         \
	"3c6c91af1d9201b5dfa9c79f8be8bd3083ddee332de8da730425dd359f5f0b1af8dd977194be0ab6"         \
	"91740d"

#define P521_SIG                                                                                   \
	"30818802420085f8613754847ae3ab449fb8415629bfd85a931fc6e47cbecd139cb59dd5fe35ca6a"         \
	"6be133749026ea9d3d7c1a840b269cd1e4c2f309dcffce21c21a1bfed79d5d02420173eec3c20fe6"         \
	"13dc0e7b70ca92bce14602bb1ba03beeaf27f1babf022ecfeec1a3583a04afa70ab32abea3bcb0dc"         \
	"745521d44a447789e58bab4334e8c658a41d81"

/* Keys that must be refused although their signatures are right: too short, a curve written out, a
 * curve that is not a NIST one. Made by the openssl program. */
#define REFUSED_MESSAGE "refuse me"
#define WEAK_RSA                                                                                   \
	"080012a20130819f300d06092a864886f70d010101050003818d0030818902818100d3f729a5a8a9"         \
	"b0921bcc1fd49eb1b4bdc8e0b2b86db95cc38267959a609e1026088ab86bcdc9be8e850b28c797f6"         \
	"5569150dab35bcda1e70f9804d9c19ed3f10d7ee8c6dfbc7f22b851f33acbfbfc507012793f522d0"         \
	"6935b270b3273442a639821d151e6e63befa404ff342169867ac471cdb18bef2baa99ae9106fe987"         \
	"e1890203010001"
#define WEAK_RSA_SIG                                                                               \
	"c36b125bda3688a80cb6be35fb0a664941c089fe8ec121007aa70d7ab6a733ebbf932b65baca62f1"         \
	"89458ff1bd3d3b8bcea677b7eb18e986050f985822c528d038966d086d500bd41968e7881af734d8"         \
	"d5a6fb3c1ff309effa6065a3d2ef9925f4266a60576f637b3a3ca300a8215daf872cfc795cfcb6e5"         \
	"c41357b2f36d81a1"
#define EXPLICIT_EC                                                                                \
	"080312cf023082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d010102"         \
	"2100ffffffff00000001000000000000000000000000ffffffffffffffffffffffff305b0420ffff"         \
	"ffff00000001000000000000000000000000fffffffffffffffffffffffc04205ac635d8aa3a93e7"         \
	"b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e113"         \
	"9d26b7819f7e900441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898"         \
	"c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5022100ffffff"         \
	"ff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63255102010103420004501cafbf"         \
	"6ac4b5d52a590488c810f5885d0827609abf285a21d557e9838b42f4b98999eca7ea9f2ba81801dd"         \
	"0e2c43587a2b7e31ae4f86bade001aa473d35e68"
#define EXPLICIT_EC_SIG                                                                            \
	"3045022079d76c2ac5eb728f604e2f7f6f549df6487f789453aed5e0dd7b316ff7a1023002210095"         \
	"575d4ecc052a9c582cff53f1cd679560313c1f5c75825ae1f4e97c259d94da"
#define OTHER_EC                                                                                   \
	"080312583056301006072a8648ce3d020106052b8104000a034200047c817d6fd03101f3a14e1089"         \
	"2c296b913ea3354b18413d72f227bf39050c108cf6bd8b4b718979c81f523952f84c424d790343bc"         \
	"a48fc11e9fdeb1c5be6a5445"
#define OTHER_EC_SIG                                                                               \
	"3045022100e802a5441f67acca755ed8011cf5f9ba6e5ed32c6ca8017c175f326870c4fd08022017"         \
	"ca400483a2c07e46a34cc9767af56a7450ec5c6bc34edace240ef1a1c85ece"

#endif
